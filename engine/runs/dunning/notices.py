"""The letters of steps, as the outbox tells them: made of what the books have of the step, whenever they are told."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import TollbookError
from engine.base.money import ZERO, minor_digits
from engine.model.account import Account
from engine.model.documenting import DocumentFacts
from engine.model.dunning import HANDOVER, NOTICE
from engine.model.entity import LegalEntity
from engine.ports.hookspecs.delivery import Attachment
from engine.runs.delivering.telling import ToTell
from engine.runs.documents.document import party
from engine.runs.run import Rules
from engine.store import parties
from engine.store.reader import Reader
from engine.store.records import OutboxEffect
from engine.store.tables.masters import BUYER_PARTICULARS, SELLER_PARTICULARS

KINDS: Final = frozenset({NOTICE, HANDOVER})
"""Kinds of effects that carry letters."""
_LAYOUT: Final = ("language", "accent", "logo", "footer")
_COLUMNS: Final = ("number", "kind", "issued", "due", "amount", "open", "asked")
Row = Mapping[str, Any]


class Notices:
    """Makes letters from one state of the books and one book of rules."""

    def __init__(self, reader: Reader, tenant: str, rules: Rules) -> None:
        self._reader, self._tenant, self._rules = reader, tenant, rules
        self._entities: dict[str, LegalEntity] = {}

    def to_tell(self, effects: Sequence[OutboxEffect]) -> ToTell:
        """What to tell, and which files go with it."""
        made = self.of({effect.key: (effect.kind, effect.payload) for effect in effects})
        return ToTell(
            {key: one for key, (one, _) in made.items()}, {}, {key: kinds for key, (_, kinds) in made.items()}
        )

    def of(self, asked: Mapping[str, tuple[str, Row]]) -> dict[str, tuple[dict[str, Any], tuple[str, ...]]]:
        """Letters by key, with the kinds of files to make; without those whose step is not in the books.

        ``asked`` are the kind of the effect and its payload: the id of the step, and the channel.
        """
        steps = self._reader.steps_of([payload["step"] for _, payload in asked.values()])
        claims = self._reader.claims_of(steps)
        return {
            key: self._one(kind, steps[payload["step"]], claims.get(payload["step"], []), payload["channel"])
            for key, (kind, payload) in asked.items()
            if payload["step"] in steps
        }

    def _one(self, kind: str, step: Row, claims: Sequence[Row], channel: str) -> tuple[dict[str, Any], tuple[str, ...]]:
        digits = minor_digits(step["currency"])

        def money(amount: Decimal) -> str:
            return f"{amount:.{digits}f}"

        seller, buyer, account = self.parties(step)
        look, numbers = step["look"], {one["item"]: one["number"] for one in step["items"]}
        costs = sum((claim["amount"] for claim in claims), ZERO)
        items = [
            {
                **{name: one[name] for name in ("number", "kind", "issued", "due", "days")},
                **{name: money(Decimal(one[name])) for name in ("amount", "open", "asked")},
            }
            for one in step["items"]
        ]
        document = {
            "number": look["number"],
            "kind": kind,
            "dated": step["day"],
            "currency": step["currency"],
            "seller": seller,
            "buyer": buyer,
            "recipient": _agency(look["agency"]) if kind == HANDOVER else buyer,
            "step": step["step"],
            "tone": step["tone"],
            "level": step["number"],
            "channel": channel,
            "items": items,
            "asked": money(step["asked"]),
            "charges": [_charge(one, numbers, money) for one in claims],
            "costs": money(costs),
            "total": money(step["asked"] + costs),
            "pay_by": step["pay_by"] if kind == NOTICE else None,
            "law": look["law"],
            "layout": {"template": look["template"], **self.layout(step, account)},
        }
        made = dict(msgspec.to_builtins(document, enc_hook=str))
        if kind == HANDOVER:
            made["attachments"] = msgspec.to_builtins([_table(made)])
        return made, tuple(look["formats"])

    def parties(self, step: Row) -> tuple[dict[str, Any], dict[str, Any], Account]:
        """The seller and the buyer as they are now: a letter goes to where the customer is."""
        tenant, entity = step["tenant"], step["entity"]
        account = self._reader.accounts(tenant, entity, [step["account"]])[step["account"]]
        head = {"id": 0, "tenant": tenant, "entity": entity, "seller_id": None, "payer_id": account.id}
        seller = parties.sellers(self._reader, [head])[0]
        buyer = parties.buyers(self._reader, [head])[account.id]
        return (
            party(seller, *SELLER_PARTICULARS, "registrations", "bank_accounts"),
            party(buyer, *BUYER_PARTICULARS, "region", "tax_id", "email", "language"),
            account,
        )

    def layout(self, step: Row, account: Account) -> dict[str, str]:
        """How the invoices of the account look: letters look like them."""
        day: date = step["day"]
        if not any(self._rules.in_force("documents", day)):
            return {}
        if not self._entities:
            self._entities = self._reader.entities(self._tenant)
        facts = DocumentFacts(self._entities[step["entity"]], account, "invoice", day, step["currency"], step["asked"])
        try:
            terms = self._rules.decide("documents", facts, day).terms
        except TollbookError:  # its invoices are held for the same reason, and say so
            return {}
        return {name: terms[name] for name in _LAYOUT}


def _charge(claim: Row, numbers: Mapping[int, str], money: Any) -> dict[str, Any]:
    return {
        "kind": claim["kind"],
        "name": claim["name"],
        "number": numbers.get(claim["item"], ""),
        "start": claim["start"],
        "until": claim["until"],
        "amount": money(claim["amount"]),
        "basis": claim["basis"],
        "debit_note": claim["document"] != 0,
    }


def _agency(given: Mapping[str, Any]) -> dict[str, Any]:
    names = ("name", "email", "address", "country", "language")
    return {"key": "agency", **{name: given[name] for name in names}}


def _table(document: Mapping[str, Any]) -> Attachment:
    """The claim as a table: documents first, then interest and fees."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["account", "currency", *_COLUMNS, "basis"])
    head = (document["buyer"]["key"], document["currency"])
    for item in document["items"]:
        lines.writerow([*head, *(item[name] for name in _COLUMNS), ""])
    for one in document["charges"]:
        name = one["number"] or one["name"]
        lines.writerow([*head, name, one["kind"], one["start"], one["until"], *[one["amount"]] * 3, one["basis"]])
    return Attachment(f"{document['number']}.csv".replace("/", "-"), "text/csv", text.getvalue().encode())
