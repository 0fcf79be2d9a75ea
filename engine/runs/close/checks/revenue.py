"""Checks of revenue: what schedules plan is recognised, as they plan it, and what is delivered and not billed is accrued."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from engine.base.money import ZERO
from engine.model.close import CloseTerms, Found
from engine.runs.billing.unbilled import PREVIEW
from engine.runs.close import ahead
from engine.runs.close.look import Check, Look, told_amount, where_of
from engine.store.closing import revenue


def due(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """What schedules plan up to the month's end and nobody has recognised, or that was recognised and is not planned."""
    for row in revenue.due(*look.of, look.month.last):
        name = row.product or "(no product)"
        what = f"{row.schedules} schedules of {name} plan another amount than was recognised up to {look.month.last}"
        mend = f"`tollbook revenue recognise --through {look.month.last}`"
        yield Found(f"revenue/{name}/{row.currency}", what, row.amount, row.currency, row.since, mend)


def periods(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Schedules of other days than those of the service that the line bills."""
    for row in revenue.other_periods(*look.of, *look.days):
        service, planned = f"{row.service_from}..{row.service_to}", f"{row.planned_from}..{row.planned_to}"
        what = f"{where_of(row)} is for {service}, its schedule for {planned}"
        yield Found(f"revenue-schedule/{where_of(row)}", what, row.amount, row.currency, row.service_from)


def timing(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """What was recognised for one month and posted in another."""
    for row in revenue.other_months(*look.of, *look.days):
        what = f"revenue of {row.month:%Y-%m} of {row.schedules} schedules is posted on {row.posting_date}"
        subject = f"revenue/{row.month:%Y-%m}/{row.posting_date}/{row.currency}"
        yield Found(subject, what, row.amount, row.currency, row.posting_date)


def allocation(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Entries of recognition of another amount than their schedules have recognised."""
    for row in revenue.other_amounts(*look.of, *look.days):
        said, posted = (told_amount(amount, row.currency) for amount in (row.amount, row.posted))
        what = f"entry {row.entry_id} takes {posted} from {row.account}, its schedules {said}"
        off = row.amount - row.posted
        yield Found(f"revenue-entry/{row.entry_id}/{row.account}", what, off, row.currency, row.posting_date)


def overridden(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """What two persons let be recognised though its criterion was not met."""
    for row in revenue.overridden(*look.of, *look.days):
        about = "/".join(filter(None, (row.subscription, row.charge))) or row.key
        what = f"{about} is recognised without its {row.kind}: {row.note}"
        yield Found(f"revenue-event/{row.key}", what, since=row.on_day)


def not_accrued(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Service of the month that is delivered and not billed, where no accrual of the month was made: what a bill run would bill of
    it now."""
    behind = revenue.not_accrued(*look.of, look.month.first, look.month.last)
    if not behind:
        return
    sums: dict[str, Decimal | None] = {}
    preview = ahead.look(look.parts, look.reader, look.entity.key, look.month, behind, look.change, PREVIEW)
    for one in preview.owed:
        if one.service_from <= look.month.last:
            sums[one.currency] = (sums.get(one.currency) or ZERO) + one.amount
    since = min(row.since for row in behind)
    mend = f"`tollbook revenue accrue --through {look.month}`"
    for currency, amount in (sums or {"": None}).items():
        what = (
            f"{len(behind)} subscriptions have days up to {look.month.last} that are not billed, and nothing is accrued"
        )
        yield Found(f"accrual/{look.month}{currency and '/'}{currency}", what, amount, currency, since, mend)


CHECKS: Final = (
    Check(
        *("revenue-not-recognised", "Revenue that is due and not recognised", "blocker", "revenue", "books"),
        mend="`tollbook revenue recognise`",
        find=due,
    ),
    Check(
        *("accruals-missing", "Service that is not billed and not accrued", "blocker", "revenue", "books"),
        mend="`tollbook revenue accrue`",
        find=not_accrued,
    ),
    Check(
        *("schedule-dates", "Schedules of other days than their service", "blocker", "revenue", "books"),
        mend="credit the line and bill it again",
        find=periods,
    ),
    Check(
        *("revenue-timing", "Revenue that is posted in another month", "warning", "revenue", "books"),
        mend="`tollbook revenue export` and explain the difference",
        find=timing,
    ),
    Check(
        *("revenue-allocation", "Revenue that is posted with another amount", "blocker", "revenue", "books"),
        mend="find what changed the books, and restore them: `tollbook verify`",
        find=allocation,
    ),
    Check(
        *("revenue-overrides", "Revenue that was recognised without its criterion", "warning", "revenue", "people"),
        mend="`tollbook revenue overrides`",
        find=overridden,
    ),
)
