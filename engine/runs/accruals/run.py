"""The accrual run: brings what stands accrued to what is delivered and unbilled at the end of a month.

It posts the difference alone, so that the same again posts nothing: what was billed since is released, what was voided comes
back, and a day of service is never accrued twice.  It is one transaction: a run that was broken off has left nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, refuse
from engine.base.money import ZERO
from engine.ledger.accruals import accrual_entry, moves
from engine.ledger.fx import RateTable
from engine.ledger.posting import Determine, determine
from engine.model.accrual import KIND, AccrualKey, AccrualMove, Accrued
from engine.model.entity import LegalEntity
from engine.model.journal import Change
from engine.runs.accruals.gathering import Gathered, collect
from engine.runs.accruals.repeating import again, begin
from engine.runs.billing import rows as bill_rows
from engine.runs.billing.late_step import moment
from engine.runs.billing.read import Pinned, known_now, ranges_of
from engine.runs.billing.run import UNFINISHED, known_usage
from engine.runs.run import Parts, attempt
from engine.runs.usage.control import look
from engine.store import accruals
from engine.store import tables as t
from engine.store.reader import Reader
from engine.store.writer import Writer

LATER_MONTH = Code("accrual.later-month", "An accrual of a month before one that is accrued already.")
HELD = Code("accrual.held", "A legal entity of which nothing is accrued, because its usage is not complete.")

BLOCK: Final = "invoice"
"""Name of the block of ids of documents: an id never means two of them."""


class Accrual(msgspec.Struct, frozen=True):
    """What a run added and released; ``standing`` is what stands after it, by (legal entity, currency, role).

    ``repeated`` says that nothing was left to post, and that asking for it again has changed nothing.
    """

    month: date
    run_id: int
    moves: tuple[AccrualMove, ...]
    dated: Mapping[str, date]
    standing: Mapping[tuple[str, str, str], Decimal]
    findings: tuple[Finding, ...] = ()
    dry: bool = False
    repeated: bool = False


def run_accrual(parts: Parts, month: date, change: Change, *, entity: str = "", dry_run: bool = False) -> Accrual:
    """Accrue what is delivered up to the end of the month that holds the day ``month`` and is not billed, of one legal entity or of
    all; a dry run writes nothing but the daily sums of usage.

    Raises:
        TollbookError: ``accrual.later-month``, ``run.unfinished`` while a bill run is at work, ``rule.no-answer`` of posting.
    """
    month = month.replace(day=1)
    rules = parts.rules
    if dry_run:
        with parts.books.writer(change) as writer:
            seen = {**known_usage(parts, writer), **look(parts, writer.reader, _end(month)).parameters}
        with parts.books.reader() as reader:
            _refuse(reader, parts.tenant, month, entity)
            return _found(parts, reader, month, change, seen, 0, entity)
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        run = begin(parts, writer, KIND, month, f"{month:%Y-%m}", entity)
        _refuse(writer.reader, parts.tenant, month, entity)
        seen = {**known_usage(parts, writer), **look(parts, writer.reader, _end(month)).parameters}
        made = _found(parts, writer.reader, month, change, seen, run.id, entity)
        if run.state == "done":
            if not made.moves:
                return msgspec.structs.replace(made, run_id=run.id, repeated=True)
            run = again(parts, writer, KIND, f"{month:%Y-%m}", entity)
            made = msgspec.structs.replace(made, run_id=run.id)
        writer.store_decisions(rules.decisions())
        _write(parts, writer, made)
        writer.add_findings(parts.tenant, made.findings, run.id)
        added = sum(1 for one in made.moves if one.amount > ZERO)
        counts = {"added": added, "released": len(made.moves) - added, "findings": len(made.findings)}
        writer.finish_run(run.id, {"counts": counts})
    return made


def _end(month: date) -> date:
    """The day after the last one of a month."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def _refuse(reader: Reader, tenant: str, month: date, entity: str) -> None:
    newest = accruals.newest_month(reader, tenant, entity)
    if newest is not None and newest > month:
        raise refuse(
            LATER_MONTH,
            f"{newest:%Y-%m} is accrued already, {month:%Y-%m} comes before it",
            why="what stands at the end of a month is what the months before have left",
            mend=f"accrue {newest:%Y-%m} again: what became known since is posted there",
        )
    for run in reader.runs(tenant, limit=1000):
        if run.kind in ("bill", "void", "true-up") and run.state == "running":
            raise refuse(
                UNFINISHED,
                f"{run.kind} run {run.id} of {run.period} ({run.scope}) is not finished",
                why="what it has billed so far would be released, and the rest accrued",
                mend=f"wait for it; if it stopped, `tollbook runs resume {run.id}` or `tollbook runs abandon {run.id}`",
            )


def _found(
    parts: Parts, reader: Reader, month: date, change: Change, seen: Mapping[str, Any], run_id: int, only: str
) -> Accrual:
    """What a run of the month posts, of one legal entity or of all, and what stands after it."""
    end, tenant = _end(month), parts.tenant
    pins = {**known_now(reader), **seen, **moment(parts, change.at)}
    pinned = Pinned(run_id, end, "all", parts.rules.release, pins, change)
    found = Gathered()
    for payers in ranges_of(parts, reader, None):
        if payers[0] not in found.held and only in ("", payers[0]):
            collect(parts, reader, pinned, payers, found)
    found.findings.extend(_held(one, month) for one in sorted(found.held))
    made: list[AccrualMove] = []
    dated: dict[str, date] = {}
    standing: dict[tuple[str, str, str], Decimal] = {}
    for entity in sorted(reader.entities(tenant).values(), key=lambda one: one.key):
        if only not in ("", entity.key):
            continue
        there = accruals.held(reader, tenant, entity.key)
        dated[entity.key] = day = _dated(reader, tenant, entity.key, end - timedelta(days=1))
        own = _moves(parts, reader, entity, day, found, there)
        made += own
        for key, amount in ((k, one.amount) for k, one in there.items()):
            _add(standing, key, amount)
        for one in own:
            _add(standing, one.key, one.amount)
    return Accrual(month, run_id, tuple(made), dated, standing, tuple(found.findings), dry=not run_id)


def _add(sums: dict[tuple[str, str, str], Decimal], key: AccrualKey, amount: Decimal) -> None:
    place = (key.entity, key.currency, key.role)
    sums[place] = sums.get(place, ZERO) + amount


def _moves(
    parts: Parts,
    reader: Reader,
    entity: LegalEntity,
    day: date,
    found: Gathered,
    there: Mapping[AccrualKey, Accrued],
) -> list[AccrualMove]:
    """What is posted for one legal entity; what could not be rated, or has no rate, stays as it stands."""
    if entity.key in found.held:
        return []
    rates = [rate for rate in reader.fx_rates(parts.tenant, day, parts.fx_max_age) if rate.source == parts.fx_source]
    table = RateTable(rates, day)

    def known(key: AccrualKey) -> bool:
        return key.entity == entity.key and (key.entity, key.subscription) not in found.unknown

    wanted = {key: one for key, one in found.wanted.items() if known(key)}
    held = {key: one for key, one in there.items() if known(key)}
    made: list[AccrualMove] = []
    own = entity.functional_currency
    for currency in sorted({key.currency for key in (*wanted, *held)}):
        some = {key: one for key, one in wanted.items() if key.currency == currency}
        kept = {key: one for key, one in held.items() if key.currency == currency}

        def of() -> list[AccrualMove]:
            return moves(some, kept, lambda base: table.rate(base, own))  # noqa: B023  used before the next turn

        made += attempt(of, f"entity/{entity.key}", found.findings) or []
    return made


def _dated(reader: Reader, tenant: str, entity: str, last: date) -> date:
    """The day that entries of a month have: its last, or the first of the oldest open month after it where it is closed."""
    if reader.period_state(tenant, entity, last) == "open":
        return last
    day = last + timedelta(days=1)
    while reader.period_state(tenant, entity, day) != "open":
        day = _end(day)
    return day


def _write(parts: Parts, writer: Writer, made: Accrual) -> None:
    """Write moves, their entries and postings."""
    if not made.moves:
        return
    tenant, accounts = parts.tenant, dict[tuple[str, str], Determine]()
    first, ident = writer.take_ids(BLOCK, len(made.moves)), writer.take_ids("entry", len(made.moves))
    rows: list[tuple[Any, ...]] = []
    heads: list[tuple[Any, ...]] = []
    sides: list[tuple[Any, ...]] = []
    for number, move in enumerate(made.moves):
        key = move.key
        day = made.dated[key.entity]
        if (key.entity, key.currency) not in accounts:
            accounts[key.entity, key.currency] = determine(parts.rules.decide, key.entity, key.currency, day)
        entry = accrual_entry(tenant, made.month, day, move, accounts[key.entity, key.currency])
        rows.append(_row(tenant, made, first + number, move))
        heads.append(bill_rows.entry_row(ident + number, entry, first + number, made.run_id))
        sides.extend(bill_rows.posting_rows(ident + number, entry, 0))
    writer.append(t.REVENUE_ACCRUAL, rows)
    writer.append(t.ENTRY, heads)
    writer.append(t.POSTING, sides)


def _row(tenant: str, made: Accrual, ident: int, move: AccrualMove) -> tuple[Any, ...]:
    key, rate = move.key, move.rate
    head = (ident, tenant, key.entity, made.month, key.text, *msgspec.structs.astuple(key)[1:])
    worth = (move.amount, rate.quote, move.functional, rate.rate, rate.source, rate.on)
    return (*head, move.service_to, *worth, move.decision, made.run_id)


def _held(entity: str, month: date) -> Finding:
    found: Finding = refuse(
        HELD,
        f"nothing of {entity} is accrued for {month:%Y-%m}: a control of its usage holds it",
        why="what stands accrued is left as it is",
        mend="see `tollbook worklist list`; accrue again once it is settled",
        subject=f"entity/{entity}",
    ).findings[0]
    return msgspec.structs.replace(found, level="warning")
