"""Checks of billing: all that the month owes is invoiced, and every run has ended."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from engine.model.catalog import Charge
from engine.model.close import CloseTerms, Found
from engine.runs.close.ahead import Owed
from engine.runs.close.look import Check, Look
from engine.store.closing import billing


def _charge(look: Look, one: Owed) -> Charge | None:
    plan = look.plans.get(one.plan)
    return next((charge for charge in (plan.charges if plan else ()) if charge.key == one.charge), None)


def _due(look: Look, usage: bool) -> Iterator[Found]:
    """What was due by the month's end: what is billed in arrears for service that ended by then, all else that began by then."""
    for one in look.unbilled.owed:
        charge = _charge(look, one)
        arrears = charge is not None and charge.timing == "arrears"
        due = one.service_to <= look.month.after if arrears else one.service_from <= look.month.last
        if due and usage == (charge is not None and charge.kind == "usage"):
            yield _of(look, one)


def _of(look: Look, one: Owed) -> Found:
    service = f"{one.service_from}..{one.service_to}"
    return Found(
        f"subscription/{one.subscription}/{one.charge}/{one.service_from}",
        f"{one.plan}/{one.charge} of {one.subscription} is not billed for {service}",
        one.amount,
        one.currency,
        max(look.unbilled.since.get(f"subscription/{one.subscription}", one.service_from), one.service_from),
    )


def unbilled_usage(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Usage of cycles that ended by the month's end and that no invoice has."""
    yield from _due(look, True)


def unbilled_periods(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Periods of recurring and one-time charges that were due by the month's end and that no invoice has; and what a run could not
    bill at all."""
    yield from _due(look, False)
    for held in look.unbilled.held:
        yield Found(held.subject, held.what, since=look.unbilled.since.get(held.subject), mend=held.mend)


def drafts(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Bills that are under review, or approved and not issued."""
    for row in billing.drafts(*look.of, look.month.last):
        draft = look.reader.draft(look.parts.tenant, row.id)
        verb = "issue" if row.state == "approved" else "approve"
        for currency, amount in sorted(draft.net.items()) if draft else ():
            what = f"the bill of {row.payer} of {row.period} is {row.state}: {row.why}"
            yield Found(f"draft/{row.id}", what, amount, currency, row.period, f"`tollbook drafts {verb} {row.id}`")


def runs(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Runs that began and did not end."""
    for row in billing.runs(look.reader, look.parts.tenant):
        verb = f"`tollbook runs resume {row.id}`" if row.kind == "bill" else "do it again"
        left = f", {row.left} of its partitions are left" if row.left else ""
        what = f"{row.kind} run {row.id} of {row.period} has not ended{left}"
        yield Found(f"run/{row.id}", what, since=row.started_at.date(), mend=verb)


def true_ups(look: Look, terms: CloseTerms) -> Iterator[Found]:
    """Corrections of tax that wait for the next bill of their customer."""
    for row in billing.true_ups(*look.of, look.month.last):
        what = f"tax of {row.invoice} is to be corrected on the next bill of {row.payer}"
        yield Found(f"invoice/{row.invoice}/tax", what, Decimal(row.amount), row.currency, row.since)


CHECKS: Final = (
    Check(
        *("unbilled-usage", "Usage of the month that is not billed", "blocker", "billing", "billing"),
        mend="`tollbook run bill`",
        find=unbilled_usage,
    ),
    Check(
        *("unbilled-periods", "Periods of the month that are not billed", "blocker", "billing", "billing"),
        mend="`tollbook run bill`",
        find=unbilled_periods,
    ),
    Check(
        *("drafts-not-issued", "Bills that are not issued", "blocker", "billing", "billing"),
        mend="`tollbook drafts list`",
        find=drafts,
    ),
    Check(
        *("runs-unfinished", "Runs that have not ended", "blocker", "billing", "billing"),
        mend="`tollbook runs list`",
        find=runs,
    ),
    Check(
        *("tax-corrections-pending", "Corrections of tax without a document", "warning", "tax", "books"),
        mend="`tollbook run bill`; the next bill carries them",
        find=true_ups,
    ),
)
