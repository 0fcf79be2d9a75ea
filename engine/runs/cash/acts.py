"""Uses of money that may need two persons: what each relies on, what it is about, and how it is done.

What is asked for is kept as JSON values, and judged again by the rules of the day on which it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.model.cash import Application, Off
from engine.model.decision import Decision
from engine.model.settlement import OpenItem
from engine.receivables.open_items import Sheet
from engine.runs.cash import exceptions as exc
from engine.runs.cash import orders
from engine.runs.cash.giving_up import Asker, Judge, refused
from engine.runs.cash.moves import Cashier, Judged
from engine.runs.cash.till import Used
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.writer import Writer

GONE = Code("cash.gone", "A bank entry, or a document, that is not there any more as somebody meant it.")

Arguments = Mapping[str, Any]


class Asked(msgspec.Struct, frozen=True):
    """Money to be put to use by a person: an application with what is given up beside it, or money that goes back (``back``
    is ``refund`` or ``return``), or a document, ``key`` and ``give``, of which something is given up without money."""

    entity: str
    day: date
    roles: tuple[str, ...]
    application: Application | None = None
    back: str = ""
    entry: int = 0
    amount: Decimal = ZERO
    currency: str = ""
    item: int = 0
    give: Off | None = None
    key: str = ""
    two: bool = False

    @property
    def bank_entry(self) -> int:
        """The bank entry whose money it is; 0 if none."""
        return self.application.entry if self.application is not None else self.entry


def asked(given: Arguments) -> Asked:
    """What is asked for, of its JSON values."""
    return msgspec.convert(given, Asked)


def subject(given: Arguments) -> str:
    """What it acts on."""
    one = asked(given)
    return f"{one.entity}/bank-entry/{one.bank_entry}" if one.bank_entry else f"{one.entity}/item/{one.item}/{one.key}"


def text(given: Arguments) -> str:
    """What it does, in words that follow "to"."""
    one = asked(given)
    if one.give is not None:
        return f"give up {one.give.amount.normalize():f} {one.currency} as {one.give.reason}"
    if one.back:
        return f"send back {one.amount.normalize():f} {one.currency} of bank entry {one.entry}"
    assert one.application is not None
    offs = [f"{off.amount.normalize():f} as {off.reason}" for pay in one.application.pays for off in pay.offs]
    more = f", and give up {', '.join(offs)}" if offs else ""
    return f"apply {one.application.used.normalize():f} {one.currency} of bank entry {one.application.entry}{more}"


def relies(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Any]:
    """What is left of the entry, and open of the documents.

    Raises:
        TollbookError: ``cash.gone``.
    """
    one = asked(given)
    found: dict[str, Any] = {}
    if one.bank_entry:
        open_ = reader.bank_entry(tenant, one.bank_entry)
        if open_ is None:
            raise refuse(GONE, f"there is no bank entry {one.bank_entry}", mend="`tollbook cash show` lists them")
        found["left of the bank entry"] = f"{open_.left.normalize():f}"
    items = [pay.item for pay in one.application.pays] if one.application is not None else []
    for ident in (*items, *([one.item] if one.item else [])):
        item = reader.item(tenant, one.entity, ident)
        found[f"open of {item.number if item else ident}"] = f"{item.left.normalize():f}" if item else "nothing"
    return found


def amounts(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Decimal]:
    """The money that it is about: what is given up, what goes back."""
    one = asked(given)
    if one.application is None:
        return {one.currency: one.amount or (one.give.amount if one.give else ZERO)}
    return {one.currency: sum((off.amount for pay in one.application.pays for off in pay.offs), ZERO)}


def asks(given: Arguments) -> bool:
    """Whether a rule of write-offs wants two persons."""
    return bool(given["two"])


def works(parts: Parts, writer: Writer, given: Arguments) -> bool:
    """Do it; see :func:`done`."""
    return done(parts, writer, asked(given)) is not None


def done(parts: Parts, writer: Writer, one: Asked) -> Used:
    """Do it through a writer.

    Raises:
        TollbookError: ``writeoff.refused``, and the codes of :mod:`engine.runs.cash.moves`.
    """
    rules, tenant = parts.rules, parts.tenant
    writer.store_release(tenant, rules.release, rules.files, rules.overrides, rules.plugins)
    writer.store_decisions(rules.decisions())
    entity = writer.reader.entities(tenant)[one.entity]
    till = Cashier(parts, writer, entity, one.day)
    if one.give is not None:
        (decision,) = [each for *_, each in judged(parts, writer.reader, one)]
        return till.give_up(one.item, one.give.reason, one.give.amount, decision, one.key)
    if one.back:
        used = till.send_back(writer.lock_entry(tenant, one.entry), one.amount, one.back)
        used = msgspec.structs.replace(used, text=orders.order(parts, writer, one.entry, one.day))
    else:
        assert one.application is not None
        decided = judged(parts, writer.reader, one)
        used = till.apply(one.application, decided)
    if not used.left:
        exc.close(writer, tenant, used.entry, "corrected")
    return used


def judged(parts: Parts, reader: Reader, one: Asked) -> Judged:
    """What the rules say of all that is given up.

    Raises:
        TollbookError: ``writeoff.refused``, ``rule.no-answer``, ``cash.gone``.
    """
    entity = reader.entities(parts.tenant)[one.entity]
    judge = Judge(parts, reader, entity, Asker("person", one.roles), one.day)
    pays = one.application.pays if one.application is not None else ()
    wanted = [(pay, pay.item, off) for pay in pays for off in pay.offs]
    wanted += [(None, one.item, one.give)] if one.give is not None else []  # type: ignore[list-item]
    found = []
    for pay, ident, off in wanted:
        item = reader.item(parts.tenant, one.entity, ident)
        if item is None:
            raise refuse(GONE, f"there is no document {ident}", mend="look at `tollbook account show`")
        account = reader.accounts(parts.tenant, one.entity, [item.account])[item.account]
        decision: Decision = judge.decide(account, item, off.reason, off.amount)
        if decision.terms["decision"] == "refuse":
            raise refused(decision, item, off.reason, off.amount)
        found.append((pay, off.reason, off.amount, decision))
    return found


def two(decided: Judged) -> bool:
    """Whether a rule wants two persons for any of it."""
    return any(decision.terms["decision"] == "approve" for *_, decision in decided)


def spread(money: Decimal, items: list[OpenItem]) -> list[Decimal]:
    """What documents take of money, one after the other as they come."""
    there = Sheet(items)
    legs, _ = there.pay(money, items, ())
    taken = {leg.item.id: -leg.amount for leg in legs}
    return [taken.get(item.id, ZERO) for item in items]
