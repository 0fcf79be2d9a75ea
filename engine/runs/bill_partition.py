"""What one partition of a bill run comes to: rated and drafted here, finished in ``bill_finish``; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.base.errors import Finding, TollbookError
from engine.billing import invoicing
from engine.billing.rating import Job
from engine.billing.statement import statement
from engine.ledger.fx import RateTable
from engine.model.contract import Contract
from engine.model.due import PayerDue
from engine.model.invoice import RatedCharge
from engine.model.journal import FxRate
from engine.model.subscription import BillingMark
from engine.runs.bill_finish import Billable, Billed, Issued, finish_all
from engine.runs.run import Clock, Parts, attempt


class Batch(msgspec.Struct, frozen=True):
    """What one partition comes to, before anything is written; ``prices`` are the ids of the pricing decisions made."""

    issued: tuple[Issued, ...]
    marks: tuple[BillingMark, ...]
    prices: frozenset[int]
    findings: tuple[Finding, ...]


def rate_payer(
    job: Job, due: PayerDue, table: RateTable, prices: set[int], findings: list[Finding]
) -> tuple[Billable | None, list[BillingMark]]:
    """The drafts of one payer, and the marks of the subscriptions that were rated; (None, []) if the payer is held."""
    charges: list[RatedCharge] = []
    marks: list[BillingMark] = []
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
    if not charges:
        return None, marks
    subject = f"account/{due.payer.key}"

    def draft() -> Billable:
        made = invoicing.drafts(job.decide, job.entity, due.payer, charges, contracts, job.on)
        functional = job.entity.functional_currency
        rates = {d.currency: _rate(table, d.currency, functional, due.payer.key) for d in made}
        return Billable(due.payer, tuple(made), rates)

    billable = attempt(draft, subject, findings)
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
    with clock.step("rate"):
        for due in dues:
            billable, billed_to = rate_payer(job, due, table, prices, findings)
            marks[due.payer.key] = billed_to
            if billable:
                billables.append(billable)
    issued, failed = finish_all(parts, job, billables, billed, findings, clock)
    kept = [mark for payer, owned in marks.items() if payer not in failed for mark in owned]
    return Batch(tuple(issued), tuple(kept), frozenset(prices), tuple(findings))
