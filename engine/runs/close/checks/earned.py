"""What a run of the month would recognise or accrue now, and what it has posted for contracts: the checks of revenue that compute.

Runs post the difference to what stands, so what one would post is what is missing.  It is computed, and nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

from engine.base.errors import TollbookError
from engine.base.money import ZERO
from engine.ledger.posting import Determine, determine
from engine.model.accrual import AccrualMove
from engine.model.close import CloseTerms, Found
from engine.model.revenue import Due
from engine.revenue.contract_balances import BALANCES
from engine.runs.accruals.run import LATER_MONTH, run_accrual
from engine.runs.billing.run import UNFINISHED
from engine.runs.close.look import Look, told, told_amount
from engine.runs.revenue.contract_source import LIABILITY, ContractSource
from engine.runs.revenue.line_source import LineSource
from engine.runs.revenue.posting import EARNED
from engine.store.closing import contracts, revenue

_TOLD_ELSEWHERE: Final = frozenset({LATER_MONTH, UNFINISHED})
"""Why nothing can be accrued: a later month is, which then holds what became known since; or a bill run is at work, which has a
check of its own."""


class _Undone(Exception):
    """Takes back the transaction of what is only looked at."""


def due(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """What schedules and contracts have earned up to the month's end and nobody has recognised, or that was recognised and is not
    earned; what is known of it now is planned first, and taken back."""
    if not _unplanned(look):
        yield from _of_lines(look, revenue.due(*look.of, look.month.last))
        return
    source, rows = ContractSource(), list[Any]()
    found: list[Due] = []
    parts, entity, last = look.parts, look.entity.key, look.month.last
    mark = look.reader.revenue_mark(parts.tenant, entity)
    through = last if mark is None else max(last, mark.through)
    try:
        with parts.books.writer(look.change, tenant=parts.tenant) as writer:
            LineSource().plan(parts, writer, entity, through)
            rows = revenue.due(writer.reader, parts.tenant, entity, last)
            source.plan(parts, writer, entity, through)
            found = [one for one in source.due(writer.reader, parts.tenant, entity, through) if one.month <= last]
            raise _Undone
    except _Undone:
        yield from _of_lines(look, rows)
        yield from _of_contracts(look, found)
    except TollbookError as error:
        yield from told(error.findings)


def _unplanned(look: Look) -> bool:
    """Whether anything is planned only as it is recognised: contracts, what was brought over, what has happened since."""
    reader, tenant, entity = look.of
    if reader.has_revenue_contracts(tenant):
        return True
    mark = reader.revenue_mark(tenant, entity)
    return bool(reader.unscheduled_deferrals(tenant, entity) or reader.waiting_schedules(tenant, entity, mark))


def _of_lines(look: Look, rows: list[Any]) -> Iterator[Found]:
    for row in rows:
        name = row.product or "(no product)"
        what = f"{row.schedules} schedules of {name} plan another amount than was recognised up to {look.month.last}"
        yield Found(f"revenue/{name}/{row.currency}", what, row.amount, row.currency, row.since, _recognise(look))


def _of_contracts(look: Look, dues: list[Due]) -> Iterator[Found]:
    sums: dict[tuple[str, str, str], tuple[Decimal, int, date]] = {}
    for one in dues:
        key = (one.role, one.product if one.role in EARNED else "", one.rate.base)
        amount, count, since = sums.get(key, (ZERO, 0, one.month))
        sums[key] = (amount + one.amount, count + 1, min(since, one.month))
    for (role, product, currency), (amount, count, since) in sorted(sums.items()):
        subject = "/".join(filter(None, ("revenue-contracts", role, product, currency)))
        name = f"{role.replace('_', ' ')}{' of ' if product else ''}{product}"
        what = f"contracts have {name} of {count} months that is not posted up to {look.month.last}"
        yield Found(subject, what, amount, currency, since, _recognise(look))


def _recognise(look: Look) -> str:
    return f"`tollbook revenue recognise --through {look.month.last}`"


def allocation(look: Look) -> Iterator[Found]:
    """Entries of recognition that have posted another amount for contracts than their schedules say, account by account."""
    rows = contracts.recognised(*look.of, *look.days)
    if not rows:
        return
    known: dict[tuple[str, date], Determine] = {}
    left: dict[tuple[int, str, str], Decimal] = {}
    days = {row.entry_id: row.posting_date for row in rows}
    for row in rows:
        at = (row.currency, row.posting_date)
        if at not in known:
            known[at] = determine(look.parts.rules.decide, look.entity.key, *at)
        for account, amount in _sides(row, known[at]):
            key = (row.entry_id, account, row.currency)
            left[key] = left.get(key, ZERO) + amount
    posted = {
        (one.entry_id, one.account, one.currency): one.amount for one in contracts.posted(look.reader, sorted(days))
    }
    for key in sorted({*left, *posted}):
        entry, account, currency = key
        wanted, there = left.get(key, ZERO), posted.get(key, ZERO)
        if wanted != there:
            said, moved = (told_amount(amount, currency) for amount in (wanted, there))
            what = f"entry {entry} moves {account} by {moved}, its schedules by {said}"
            yield Found(f"revenue-entry/{entry}/{account}", what, wanted - there, currency, days[entry])


def _sides(row: Any, accounts: Determine) -> tuple[tuple[str, Decimal], tuple[str, Decimal]]:
    """The GL accounts that what a schedule has recognised is posted to, with the amounts: debit and credit."""
    kept = BALANCES.get(row.obligation) if row.source in ("balance", "cost") else None
    debit = kept.debit if kept else LIABILITY
    credit = kept.credit if kept else row.role
    own = "" if row.source in ("contract", "balance", "cost") else row.liability
    there = own or accounts(debit, row.country, row.product)[0]  # type: ignore[arg-type]
    return (there, row.amount), (accounts(credit, row.country, row.product)[0], -row.amount)


def not_accrued(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Service of the month that is delivered and not billed otherwise than it is accrued: what an accrual run would post now.  What
    bill runs still lack is told by the checks of billing."""
    try:
        made = run_accrual(look.parts, look.month.first, look.change, entity=look.entity.key, dry_run=True)
    except TollbookError as error:
        if not _TOLD_ELSEWHERE & {one.code for one in error.findings}:
            yield from told(error.findings)
        return
    behind = {one.subscription for one in look.unbilled.owed}
    groups: dict[tuple[str, str], list[AccrualMove]] = {}
    for move in made.moves:
        if move.key.subscription not in behind and f"subscription/{move.key.subscription}" not in look.unbilled.since:
            groups.setdefault((move.key.currency, move.key.role), []).append(move)
    mend = f"`tollbook revenue accrue --through {look.month}`"
    for (currency, role), moves in sorted(groups.items()):
        whose = len({move.key.subscription for move in moves})
        what = (
            f"{len(moves)} charges of {whose} subscriptions are delivered up to {look.month.last} and not billed "
            f"otherwise than accrued"
        )
        amount, since = sum((move.amount for move in moves), ZERO), min(move.key.service_from for move in moves)
        yield Found(f"accrual/{look.month}/{role}/{currency}", what, amount, currency, since, mend)
