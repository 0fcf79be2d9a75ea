"""The allowance for losses that are expected: brought to what the rules want for what customers owe on a day.

It posts the difference to what stands, customer by customer in one entry for each legal entity, so that the same again posts
nothing.  What a customer has with us in credit notes is set off against what it owes longest, as it would be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, round_to
from engine.ledger.fx import UNITY
from engine.ledger.posting import Side, determine, entry
from engine.model.account import Account
from engine.model.accrual import IMPAIRMENT as KIND
from engine.model.entity import LegalEntity
from engine.model.impairment import ImpairmentFacts
from engine.model.journal import Change, FxRate
from engine.runs.accruals.repeating import again, begin
from engine.runs.billing import rows as bill_rows
from engine.runs.reports.ageing import worth
from engine.runs.run import Parts
from engine.store import impairing, subledgers
from engine.store import tables as t
from engine.store.reader import Reader
from engine.store.subledgers import Item
from engine.store.writer import Writer

LATER_DAY = Code("impairment.later-day", "An allowance of a day before one that is booked already.")


class Allowance(msgspec.Struct, frozen=True):
    """What a customer owes in functional currency, what of it is expected to be lost, and what stood before; ``decision`` is that
    of its oldest debt, 0 where it owes nothing any more."""

    entity: str
    account: str
    country: str
    segment: str
    currency: str
    exposure: Decimal
    wanted: Decimal
    before: Decimal
    specific: bool = False
    decision: int = 0

    @property
    def amount(self) -> Decimal:
        """What is added to the allowance; below zero where it is more than is wanted."""
        return self.wanted - self.before


class Impairment(msgspec.Struct, frozen=True):
    """What a run found; ``repeated`` says that nothing was left to post."""

    on: date
    run_id: int
    items: tuple[Allowance, ...]
    dry: bool = False
    repeated: bool = False

    @property
    def moved(self) -> tuple[Allowance, ...]:
        """Those whose allowance changes."""
        return tuple(one for one in self.items if one.amount)


def impair(parts: Parts, on: date, change: Change, *, entity: str = "", dry_run: bool = False) -> Impairment:
    """Bring the allowance to what is wanted on a day, of one legal entity or of all; a dry run writes nothing.

    Raises:
        TollbookError: ``impairment.later-day``, ``ledger.period-closed``, ``rule.no-answer``.
    """
    if dry_run:
        with parts.books.reader() as reader:
            return Impairment(on, 0, tuple(_all(parts, reader, on, entity)), dry=True)
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        run = begin(parts, writer, KIND, on, on.isoformat(), entity)
        made = Impairment(on, run.id, tuple(_all(parts, writer.reader, on, entity)))
        if run.state == "done":
            if not made.moved:
                return msgspec.structs.replace(made, repeated=True)
            run = again(parts, writer, KIND, on.isoformat(), entity)
            made = msgspec.structs.replace(made, run_id=run.id)
        writer.store_decisions(parts.rules.decisions())
        for one in writer.reader.entities(parts.tenant).values():
            _write(parts, writer, one, made)
        writer.finish_run(run.id, {"counts": {"customers": len(made.items), "changed": len(made.moved)}})
    return made


def _all(parts: Parts, reader: Reader, on: date, only: str) -> Iterator[Allowance]:
    newest = impairing.newest_day(reader, parts.tenant, only)
    if newest is not None and newest > on:
        what = f"the allowance of {newest} is booked already, {on} comes before it"
        raise refuse(LATER_DAY, what, mend=f"book it on {newest} or later")
    for key, entity in sorted(reader.entities(parts.tenant).items()):
        if only not in ("", key):
            continue
        yield from _of_entity(parts, reader, entity, on)


def _of_entity(parts: Parts, reader: Reader, entity: LegalEntity, on: date) -> Iterator[Allowance]:
    booked = impairing.booked(reader, parts.tenant, entity.key)
    owed: dict[str, list[Item]] = defaultdict(list)
    for item in subledgers.items_on(reader, parts.tenant, entity.key, on):
        owed[item.account].append(item)
    accounts = reader.accounts(parts.tenant, entity.key, sorted({*owed, *booked}))
    for key in sorted(accounts):
        before = booked.get(key, ZERO)
        made = _of_account(parts, entity, accounts[key], owed.get(key, ()), before, on)
        if made.exposure or made.wanted or before:
            yield made


def _of_account(
    parts: Parts, entity: LegalEntity, account: Account, items: Sequence[Item], before: Decimal, on: date
) -> Allowance:
    currency = entity.functional_currency
    open_ = set_off([(item.due, item.currency, worth(item)) for item in items])
    exposure = sum((amount for _, _, amount in open_), ZERO)
    wanted, specific, first = ZERO, False, 0
    oldest = (on - open_[0][0]).days if open_ else 0
    for due, owed_in, amount in open_:
        overdue = (on - due).days
        facts = ImpairmentFacts(entity.key, account, owed_in, amount, exposure, overdue, oldest, on)
        decision = parts.rules.decide("impairment", facts, on)
        wanted += round_to(amount * decision.terms["rate"], currency)
        specific, first = specific or decision.terms["specific"], first or decision.id
    head = (entity.key, account.key, account.country, account.segment, currency)
    return Allowance(*head, exposure, wanted, before, specific, first)


def set_off(items: Sequence[tuple[date, str, Decimal]]) -> list[tuple[date, str, Decimal]]:
    """What is owed, as (due date, currency, amount), in the order in which it is due, after what is given back was set off against
    what is due longest."""
    credit = -sum((amount for _, _, amount in items if amount < ZERO), ZERO)
    made = []
    for due, currency, amount in sorted(item for item in items if item[2] > ZERO):
        used = min(credit, amount)
        credit -= used
        if amount > used:
            made.append((due, currency, amount - used))
    return made


def _write(parts: Parts, writer: Writer, entity: LegalEntity, made: Impairment) -> None:
    """Write what changes in the books of a legal entity: rows, and one entry by country."""
    mine = [one for one in made.moved if one.entity == entity.key]
    if not mine:
        return
    currency, on, tenant = entity.functional_currency, made.on, parts.tenant
    document, first = writer.take_ids("invoice", 1), writer.take_ids(t.IMPAIRMENT.name, len(mine))
    ident = writer.take_ids("entry", 1)
    rows: list[tuple[Any, ...]] = [
        (
            *(first + n, tenant, entity.key, on, one.account, one.segment, currency),
            *(one.exposure, one.wanted, one.amount, one.decision, document, made.run_id),
        )
        for n, one in enumerate(mine)
    ]
    by_country: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for one in mine:
        by_country[one.country] += one.amount
    sides: list[Side] = []
    for country, amount in sorted(by_country.items()):
        sides += [Side("ecl_expense", country, "", amount, 0), Side("allowance", country, "", -amount, 0)]
    rate = FxRate(currency, currency, UNITY, "same currency", on)
    accounts = determine(parts.rules.decide, entity.key, currency, on)
    written = entry(tenant, entity.key, KIND, on, f"expected credit losses on {on}", sides, rate, accounts)
    writer.append(t.IMPAIRMENT, rows)
    if written.postings:
        writer.append(t.ENTRY, [bill_rows.entry_row(ident, written, document, made.run_id)])
        writer.append(t.POSTING, bill_rows.posting_rows(ident, written, 0))
