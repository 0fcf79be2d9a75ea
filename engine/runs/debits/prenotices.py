"""Notices of collections as letters of their own: put into the outbox as a collection is planned, made as they are told, and written
down with the collection once they are delivered.

A letter says the day on which is collected: the first that the term of the notice allows, counted from the day on which the letter
goes.  That is the day from which the collection is counted too, so that both are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from engine.base.money import minor_digits
from engine.model.direct_debit import PRENOTICE, DirectDebit, SepaMandate
from engine.model.effect import Effect
from engine.receivables.debiting import earliest
from engine.runs.delivering.telling import ToTell
from engine.runs.dunning.consent import adapter_for
from engine.runs.dunning.notices import Notices
from engine.runs.run import Parts, Rules
from engine.store.reader import Reader
from engine.store.records import OutboxEffect
from engine.store.writer import Writer

LETTER: Final = "letter"
"""What a rule calls a notice of its own."""
PORT: Final = "delivery"
NONE: Final = "none"
TEMPLATE: Final = "dunning"


def key_of(debit: DirectDebit) -> str:
    """The idempotency key of the letter of a collection."""
    return f"{debit.tenant}/{PRENOTICE}/{debit.entity}/{debit.key}"


class Letters(msgspec.Struct, frozen=True):
    """How the letters of some collections stand: state and day of those that there are, by key of the effect."""

    states: Mapping[str, tuple[str, date | None]]

    def told(self, debit: DirectDebit) -> tuple[date, str] | None:
        """The day on which the letter was delivered, and what shows it; None before."""
        state, day = self.states.get(key_of(debit), ("", None))
        return (day, f"effect/{key_of(debit)}") if state == "accepted" and day is not None else None

    def state(self, debit: DirectDebit) -> str:
        """What the letter is: pending, accepted, rejected or bounced; empty where there is none."""
        return self.states.get(key_of(debit), ("", None))[0]


def letters_of(reader: Reader, tenant: str, debits: Sequence[DirectDebit]) -> Letters:
    """How the letters of collections stand whose notice is one."""
    keys = [key_of(one) for one in debits if one.notice == LETTER]
    return Letters(reader.told_of(tenant, PORT, keys) if keys else {})


def put_letters(parts: Parts, writer: Writer, debits: Sequence[DirectDebit], on: date) -> None:
    """Put the letters of collections into the outbox that have none, where an adapter brings them.

    Raises:
        TollbookError: ``rule.no-answer`` of routing.
    """
    known = letters_of(writer.reader, parts.tenant, debits)
    for debit in debits:
        if debit.notice != LETTER or known.state(debit):
            continue
        account = writer.reader.accounts(parts.tenant, debit.entity, [debit.account])[debit.account]
        stored = writer.reader.decisions([debit.decision])[debit.decision]
        channel = stored["terms"].get("notice_channel", "email")
        adapter = adapter_for(parts, account, debit.currency, channel, on) if parts.host.adapters(PORT) else NONE
        if adapter != NONE:
            effect = Effect(key_of(debit), PORT, PRENOTICE, {"debit": debit.id, "channel": channel})
            writer.add_effects(parts.tenant, debit.entity, [(effect, adapter)])


class Prenotices:
    """Makes letters from one state of the books, for the day on which they go."""

    def __init__(self, reader: Reader, tenant: str, rules: Rules, today: date) -> None:
        self._reader, self._tenant, self._today = reader, tenant, today
        self._look = Notices(reader, tenant, rules)

    def to_tell(self, effects: Sequence[OutboxEffect]) -> ToTell:
        """What to tell, by key of the effect; without those whose collection is not in the books."""
        ids = {effect.payload["debit"]: effect for effect in effects}
        made = {}
        for debit in self._reader.debits_by_id(self._tenant, sorted(ids)):
            effect = ids[debit.id]
            made[effect.key] = self._one(debit, effect.payload["channel"])
        return ToTell(made)

    def _one(self, debit: DirectDebit, channel: str) -> dict[str, Any]:
        item = self._reader.item(self._tenant, debit.entity, debit.item)
        assert item is not None
        digits = minor_digits(debit.currency)
        row = {"tenant": self._tenant, "entity": debit.entity, "account": debit.account}
        seller, buyer, account = self._look.parties(row)
        look = self._look.layout(
            {**row, "day": self._today, "currency": debit.currency, "asked": debit.amount}, account
        )
        amount, whole = (f"{one:.{digits}f}" for one in (debit.amount, item.amount))
        told = {"number": item.number, "kind": item.kind, "issued": item.on, "due": item.due}
        document = {
            "number": debit.key,
            "kind": PRENOTICE,
            "dated": self._today,
            "currency": debit.currency,
            "seller": seller,
            "buyer": buyer,
            "recipient": buyer,
            "step": "notice",
            "tone": "reminder",
            "level": 1,
            "channel": channel,
            "items": [{**told, "amount": whole, "open": amount, "asked": amount}],
            "asked": amount,
            "total": amount,
            "layout": {"template": TEMPLATE, **look},
            "collection": self._collection(debit),
        }
        made: dict[str, Any] = msgspec.to_builtins(document, enc_hook=str)
        return made

    def _collection(self, debit: DirectDebit) -> dict[str, Any]:
        stored = self._reader.decisions([debit.decision])[debit.decision]
        found = self._reader.mandates(self._tenant, debit.entity)
        mandate: SepaMandate = next(one for one in found if one.reference == debit.mandate)
        return {
            "on": earliest(debit.due, self._today, self._today, stored["terms"]["notice_days"], None, 0),
            "mandate": mandate.reference,
            "creditor_id": mandate.creditor_id,
            "account": f"{mandate.iban[:4]} … {mandate.iban[-4:]}",
        }


def why_not(debit: DirectDebit, letters: Letters) -> str:
    """Why a collection with a letter of its own has no notice yet."""
    state = letters.state(debit)
    if not state:
        return "no adapter brings the letter: a rule of routing names it for port delivery and the channel"
    return f"the letter is {'not delivered yet' if state == 'pending' else state}"
