"""Checks of revenue: what schedules plan is recognised, as they plan it, and what is delivered and not billed is accrued."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from engine.model.close import CloseTerms, Found
from engine.revenue.promised import Signed, served
from engine.runs.close.checks import earned
from engine.runs.close.look import Check, Look, told_amount, where_of
from engine.store.closing import contracts, revenue


def periods(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Schedules of other days than those of the service that the line bills."""
    for row in revenue.other_periods(*look.of, *look.days):
        service, planned = f"{row.service_from}..{row.service_to}", f"{row.planned_from}..{row.planned_to}"
        what = f"{where_of(row)} is for {service}, its schedule for {planned}"
        yield Found(f"revenue-schedule/{where_of(row)}", what, row.amount, row.currency, row.service_from)


def promised(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """What was billed for promises of contracts, for days that those do not have."""
    rows = contracts.billed(*look.of, *look.days)
    if not rows:
        return
    reader, tenant, entity = look.of
    named = {row.contract for row in rows}
    signed = {one.key: one for one in reader.revenue_contracts(tenant, entity) if one.key in named}
    told = reader.revenue_occurrences([one.id for one in signed.values()])
    service = {key: served(Signed(one, tuple(told.get(one.id, ())))) for key, one in signed.items()}
    for row in rows:
        begins, until = service.get(row.contract, {}).get(row.promise, (date.min, date.max))
        if begins <= row.service_from and row.service_to <= until:
            continue
        subject = f"subscription/{row.subscription}/{row.charge}/{row.service_from}"
        what = f"{row.service_from}..{row.service_to} is billed for {row.promise} of contract {row.contract}, which is promised for {begins}..{until}"
        yield Found(subject, what, row.amount, row.currency, row.service_from)


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
    yield from earned.allocation(look)


def overridden(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """What two persons let be recognised though its criterion was not met."""
    for row in revenue.overridden(*look.of, *look.days):
        about = "/".join(filter(None, (row.subscription, row.charge))) or row.key
        what = f"{about} is recognised without its {row.kind}: {row.note}"
        yield Found(f"revenue-event/{row.key}", what, since=row.on_day)


CHECKS: Final = (
    Check(
        *("contract-dates", "Bills for days that their contract does not promise", "blocker", "revenue", "billing"),
        mend="`tollbook revenue contract change ... modify --ends`, or end the subscription and credit the line",
        find=promised,
    ),
    Check(
        *("revenue-not-recognised", "Revenue that is due and not recognised", "blocker", "revenue", "books"),
        mend="`tollbook revenue recognise`",
        find=earned.due,
    ),
    Check(
        *("accruals-missing", "Service that is not billed and not accrued", "blocker", "revenue", "books"),
        mend="`tollbook revenue accrue`",
        find=earned.not_accrued,
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
