"""Orders to a bank to send money back: a credit transfer to the account that it came from, told once through the outbox.

The money is owed from the moment on which somebody has decided it (two persons above a limit, act ``send-back``).  The statement's
entry closes it; an order that is refused, by the adapter or later by the bank, puts the money back to what waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from engine.base import iban
from engine.base.errors import Code, Finding, Where
from engine.model.cash import Use
from engine.model.effect import Answer, Effect
from engine.model.payment import REFUND, Method, Payee, RefundRequest
from engine.runs.cash import exceptions as exc
from engine.runs.cash.moves import Cashier
from engine.runs.cash.outgoing import not_gone, order_key
from engine.runs.debits.asking import provider_of, providers
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.records import OutboxEffect
from engine.store.writer import Writer

REFUSED = Code(
    "cash.order-refused", "An order to send money back that the adapter or the bank has refused; it waits again."
)

PORT: Final = "psp"
USE: Final = "bank_use"
"""What payloads of orders name."""
CURRENCY: Final = "EUR"


def order(parts: Parts, writer: Writer, entry: int, on: date) -> str:
    """Put the order for the last use of an entry into the outbox, where an adapter sends credit transfers; in words.

    Raises:
        TollbookError: ``direct-debit.no-provider`` where several could and no rule names one.
    """
    use = writer.reader.uses(parts.tenant, entry_id=entry)[-1]
    open_ = writer.reader.bank_entry(parts.tenant, entry)
    assert open_ is not None
    one = open_.entry
    if not providers(parts):
        return "no adapter sends transfers: let your bank send it"
    if one.currency != CURRENCY or not one.payer_account or iban.iban_fault(iban.compact(one.payer_account)):
        return "nothing names an account in the SEPA that it could go to: let your bank send it"
    adapter = provider_of(parts, one.entity, iban.compact(one.payer_account)[:2], on)
    effect = Effect(order_key(use), PORT, REFUND, {USE: use.id})
    writer.add_effects(parts.tenant, one.entity, [(effect, adapter)])
    return f"{adapter} sends it with the next `tollbook cash send`"


def payloads(reader: Reader, tenant: str, effects: Sequence[OutboxEffect]) -> dict[str, dict[str, Any]]:
    """What to tell of orders, by key of the effect: account and name are read from the entry, and stand nowhere else."""
    made = {}
    for effect in effects:
        if USE not in effect.payload:
            continue
        (use,) = reader.uses(tenant, id=effect.payload[USE])
        open_ = reader.bank_entry(tenant, use.entry_id)
        assert open_ is not None
        one = open_.entry
        method = Method(one.payer_account, one.entity, use.customer, "bank_transfer", effect.adapter)
        payee = Payee(one.payer, iban.compact(one.payer_account))
        made[effect.key] = RefundRequest(
            *(f"bank-use/{use.id}", one.bank_ref or one.key, one.entity, use.customer, "", use.amount, one.currency),
            *(method, one.booked, one.remittance[:60], payee),
        )
    plain: dict[str, dict[str, Any]] = msgspec.to_builtins(made, enc_hook=str, builtin_types=())
    return plain


def is_order(key: str) -> bool:
    """Whether an effect is an order."""
    return "/bank-use/" in key


def declined(
    parts: Parts, writer: Writer, pending: Sequence[OutboxEffect], answers: Mapping[str, Answer]
) -> list[Finding]:
    """Put money back whose order an adapter will never send."""
    gone = [one for one in pending if is_order(one.key) and answers[one.key].state == "rejected"]
    return [made for one in gone if (made := put_back(parts, writer, one.key, answers[one.key].reason)) is not None]


def put_back(parts: Parts, writer: Writer, key: str, why: str) -> Finding | None:
    """Money whose order was refused waits again; None where it does already, or the bank has booked that it went.

    Raises:
        TollbookError: ``ledger.period-closed``, ``rule.no-answer``.
    """
    tenant, reader = parts.tenant, writer.reader
    (effect,) = reader.effects(tenant, [key])
    (use,) = reader.uses(tenant, id=effect.payload[USE])
    open_ = writer.lock_entry(tenant, use.entry_id)
    if not not_gone(reader, use):
        return None
    entity = reader.entities(tenant)[use.entity]
    day = max(writer.change.at.astimezone(ZoneInfo(entity.zone)).date(), use.day)
    Cashier(parts, writer, entity, day).unclear(open_, use)
    text = f"the {use.kind} of {use.day} was refused: {why or 'no reason was given'}"
    wrong = exc.Exceptional("refused", writer.lock_entry(tenant, use.entry_id), text, use.customer)
    decision = exc.judged(parts, entity, None, wrong, day)
    rules = parts.rules
    writer.store_release(tenant, rules.release, rules.files, rules.overrides, rules.plugins)
    writer.store_decisions(rules.decisions())
    writer.open_item(tenant, exc.difference(wrong, decision))
    mend = f"`tollbook cash show {use.entry_id}`; mend what is named, and send it back again"
    return Finding(
        REFUSED, Where(""), f"{open_.entry.text}: {text}", mend=mend, level="warning", subject=open_.entry.subject
    )


def called_off(parts: Parts, writer: Writer, uses: Sequence[Use]) -> tuple[list[Use], list[Order]]:
    """Of some uses, the money that is not to go back after all: nobody has told a bank, and nobody will; and the orders that are on
    their way, which only the bank can stop."""
    off, going = list[Use](), list[Order]()
    for use, order in zip(sending_back(uses), orders_of(writer.reader, uses), strict=True):
        if order.state == "by hand" or (
            order.state == "waiting" and writer.call_off(parts.tenant, PORT, order_key(use), "taken back")
        ):
            off.append(use)
        elif order.state in ("waiting", "sent"):
            going.append(order)
    return off, going


def sending_back(uses: Sequence[Use]) -> list[Use]:
    """Those of some uses that say that money is to go back."""
    return [use for use in uses if use.kind in ("refund", "return") and not use.source]


class Order(msgspec.Struct, frozen=True):
    """Money that is to go back, and how far it is: ``by hand`` (no order was sent), ``waiting``, ``sent``, ``refused``, ``taken back``
    or ``booked``."""

    use: int
    kind: str
    state: str
    name: str = ""
    reason: str = ""


def orders_of(reader: Reader, uses: Sequence[Use]) -> tuple[Order, ...]:
    """How far the money of some uses is that is to go back."""
    found = []
    states = {"pending": "waiting", "accepted": "sent", "rejected": "refused"}
    for use in sending_back(uses):
        told = reader.effects(use.tenant, [order_key(use)])
        answer = told[0].answer if told and isinstance(told[0].answer, dict) else {}
        state = states[told[0].state] if told else "by hand"
        if reader.uses(use.tenant, entity=use.entity, kind="netted", other=f"use {use.id}"):
            state = "booked"
        elif reader.uses(use.tenant, source=use.id):
            state = "refused" if told and not (answer.get("evidence") or {}).get("called_off") else "taken back"
        name = str((answer.get("evidence") or {}).get("provider_id", ""))
        found.append(Order(use.id, use.kind, state, name, str(answer.get("reason", ""))))
    return tuple(found)
