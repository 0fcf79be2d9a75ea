"""What one partition of a bill run comes to: rated and drafted here, finished in ``bill_finish``; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.base.errors import Finding, TollbookError
from engine.billing import invoicing
from engine.billing.job import Job
from engine.billing.statement import statement
from engine.ledger.fx import RateTable
from engine.model.contract import Contract
from engine.model.due import PayerDue
from engine.model.invoice import RatedCharge
from engine.model.journal import FxRate
from engine.model.lateness import Ended
from engine.model.subscription import BillingMark
from engine.runs.bill_finish import Billable, Billed, Issued, finish_all
from engine.runs.bill_read import FOR
from engine.runs.run import Clock, Parts, attempt


class Batch(msgspec.Struct, frozen=True):
    """What one partition comes to, before anything is written; ``prices`` are the ids of the pricing decisions made, ``late`` is
    what became of late usage."""

    issued: tuple[Issued, ...]
    marks: tuple[BillingMark, ...]
    prices: frozenset[int]
    findings: tuple[Finding, ...]
    late: tuple[Ended, ...] = ()


def rate_payer(
    job: Job, due: PayerDue, table: RateTable, prices: set[int], findings: list[Finding], late: list[Ended]
) -> tuple[Billable | None, list[BillingMark]]:
    """The drafts of one payer, and the marks of the subscriptions that were rated; (None, []) if the payer is held.

    What became of late usage of subscriptions that have a mark is added to ``late``.
    """
    charges: list[RatedCharge] = []
    marks: list[BillingMark] = []
    ended: list[Ended] = []
    apart: set[int] = set()
    contracts: dict[str, Contract] = {}
    for owner in due.accounts:
        contracts.update(owner.contracts)
        for subscription in owner.subscriptions:
            subject = f"subscription/{subscription.subscription.key}"
            result = attempt(lambda o=owner, s=subscription: statement(job, o, s), subject, findings)  # type: ignore[misc]
            if result is not None:
                charges.extend(result.charges)
                marks.append(result.mark)
                prices.update(result.prices)
                findings.extend(result.findings)
                ended.extend(result.late)
                apart.update(result.apart)
    if not charges:
        late.extend(ended)
        return None, marks
    subject = f"account/{due.payer.key}"

    def draft() -> Billable:
        made = invoicing.drafts(job.decide, job.entity, due.payer, charges, contracts, job.on, apart)
        if job.occasion:
            made = [msgspec.structs.replace(d, group=f"{d.group}{FOR}{job.occasion}") for d in made]
        functional = job.entity.functional_currency
        rates = {d.currency: _rate(table, d.currency, functional, due.payer.key) for d in made}
        return Billable(due.payer, tuple(made), rates)

    billable = attempt(draft, subject, findings)
    late.extend(ended if billable else ())
    return billable, (marks if billable else [])


def _rate(table: RateTable, currency: str, functional: str, payer: str) -> FxRate:
    """The rate of the day; without one the payer is held, and the finding says so."""
    try:
        return table.rate(currency, functional)
    except TollbookError as error:
        raise TollbookError(
            msgspec.structs.replace(f, what=f"{payer} is held: {f.what}") for f in error.findings
        ) from None


def compute(parts: Parts, job: Job, dues: Sequence[PayerDue], table: RateTable, billed: Billed, clock: Clock) -> Batch:
    """Everything a partition comes to.  Pure but for the questions to tax adapters and to ``billed``."""
    findings: list[Finding] = []
    billables: list[Billable] = []
    marks: dict[str, list[BillingMark]] = {}
    prices: set[int] = set()
    late: list[Ended] = []
    with clock.step("rate"):
        for due in dues:
            billable, billed_to = rate_payer(job, due, table, prices, findings, late)
            marks[due.payer.key] = billed_to
            if billable:
                billables.append(billable)
    issued, failed = finish_all(parts, job, billables, billed, findings, clock)
    kept = [mark for payer, owned in marks.items() if payer not in failed for mark in owned]
    if late:
        known = {mark.subscription_id for mark in kept}
        late = [one for one in late if one.subscription_id in known]
    return Batch(tuple(issued), tuple(kept), frozenset(prices), tuple(findings), tuple(late))
