"""What one partition of a bill run comes to: rated and drafted here, finished in ``bill_finish``; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Finding, TollbookError
from engine.billing import drafting, invoicing, ordering, reopening
from engine.billing.job import Job
from engine.billing.statement import statement
from engine.billing.true_up import carried
from engine.ledger.fx import RateTable
from engine.model.account import Account
from engine.model.contract import Contract
from engine.model.draft import Reviewed
from engine.model.due import PayerDue
from engine.model.invoice import InvoiceDraft, RatedCharge
from engine.model.journal import FxRate
from engine.model.lateness import Ended
from engine.model.subscription import BillingMark
from engine.model.tax_correction import Correction
from engine.runs.billing.finish import Billable, Billed, Issued, finish_all
from engine.runs.billing.read import FOR
from engine.runs.run import Clock, Parts, attempt

MONEY: Final = "money"
"""What a partition's summary calls what was invoiced: (country of the payer, plan, currency, lines, net, tax)."""


class Batch(msgspec.Struct, frozen=True):
    """What one partition comes to, before anything is written; ``prices`` are the ids of the pricing decisions made, ``late`` is
    what became of late usage, ``voided`` the ids of documents that an authority rejected and that it turns round, ``corrections``
    what was found out about the tax of earlier lines, ``reviews`` what becomes of drafts that are reviewed, ``orders``
    what was used up of the purchase orders of its invoices, ``money`` what they come to (:data:`MONEY`),
    None where nobody has added it up."""

    issued: tuple[Issued, ...]
    marks: tuple[BillingMark, ...]
    prices: frozenset[int]
    findings: tuple[Finding, ...]
    late: tuple[Ended, ...] = ()
    voided: tuple[int, ...] = ()
    corrections: tuple[Correction, ...] = ()
    reviews: tuple[Reviewed, ...] = ()
    orders: Mapping[tuple[str, str], Decimal] = {}
    money: Sequence[Sequence[Any]] | None = None


class _Rated(msgspec.Struct):
    """What the subscriptions of a payer owe."""

    charges: list[RatedCharge] = []
    marks: list[BillingMark] = []
    ended: list[Ended] = []
    apart: set[int] = set()
    contracts: dict[str, Contract] = {}


def _rated(job: Job, due: PayerDue, prices: set[int], findings: list[Finding]) -> _Rated:
    """Every subscription of a payer, rated; one that cannot be is a finding."""
    rated = _Rated()
    for owner in due.accounts:
        rated.contracts.update(owner.contracts)
        for subscription in owner.subscriptions:
            subject = f"subscription/{subscription.subscription.key}"
            result = attempt(lambda o=owner, s=subscription: statement(job, o, s), subject, findings)  # type: ignore[misc]
            if result is not None:
                rated.charges.extend(result.charges)
                rated.marks.append(result.mark)
                prices.update(result.prices)
                findings.extend(result.findings)
                rated.ended.extend(result.late)
                rated.apart.update(result.apart)
    return rated


def rate_payer(
    job: Job,
    due: PayerDue,
    table: RateTable,
    prices: set[int],
    findings: list[Finding],
    late: list[Ended],
    reviews: list[Reviewed],
) -> tuple[Billable | None, list[BillingMark]]:
    """The drafts of one payer, and the marks of the subscriptions that were rated; (None, []) if the payer is held.

    What became of late usage of subscriptions that have a mark is added to ``late``, what becomes of drafts to ``reviews``.
    """
    known = job.reviews.standing.get(due.payer.key)
    if job.reviews.only and (known is None or known.id != job.reviews.only):
        return None, []
    rated = _rated(job, due, prices, findings)
    if not rated.charges:
        late.extend(rated.ended)
        _review(drafting.nothing_owed(due.payer.key, known), findings, reviews)
        return None, rated.marks

    def draft() -> tuple[Billable, _Rated] | None:
        made, mine, reopened = _drafted(job, due, rated), rated, reopening.NOTHING_CAME
        earlier = job.reviews.earlier.get(due.payer.key)
        if known is not None and earlier is not None:
            then = msgspec.structs.replace(job, usage_seen=known.usage_seen)
            before = _rated(then, earlier.due, prices, [])
            old = _drafted(then, earlier.due, before) if before.charges else []
            reopened = reopening.judge(job, known, earlier, made, old)
            findings.extend(reopened.findings)
            made, mine = (made, rated) if reopened.enters else (old, before)
        if job.orders is not None:
            findings.extend(ordering.check(job.decide, job.entity, due.payer, made, job.orders))
        if job.occasion:
            made = [msgspec.structs.replace(d, group=f"{d.group}{FOR}{job.occasion}") for d in made]
        if job.corrections:
            made = carried(made, [one for one in job.corrections.values() if one.payer == due.payer.key])
        functional = job.entity.functional_currency
        rates = {d.currency: _rate(table, d.currency, functional, due.payer.key) for d in made}
        verdict = drafting.judge(due.payer.key, made, known, job.usage_seen, reopened.ended)
        return (Billable(due.payer, tuple(made), rates), mine) if _review(verdict, findings, reviews) else None

    done = attempt(draft, f"account/{due.payer.key}", findings)
    if done is None:
        return None, []
    billable, taken = done
    late.extend(taken.ended)
    return billable, taken.marks


def _drafted(job: Job, due: PayerDue, rated: _Rated) -> list[InvoiceDraft]:
    """The drafts of what a payer owes."""
    past = job.reviews.past.get(due.payer.key, {}) if job.reviews.past is not None else None
    given = (job.decide, job.entity, due.payer, rated.charges, rated.contracts, job.on, rated.apart)
    return invoicing.drafts(*given, past, job.orders)


def _review(verdict: drafting.Verdict, findings: list[Finding], reviews: list[Reviewed]) -> bool:
    """Note what becomes of a draft; whether the payer is billed now."""
    findings.extend(verdict.findings)
    if verdict.reviewed is not None:
        reviews.append(verdict.reviewed)
    return verdict.issued


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
    late: list[tuple[str, Ended]] = []
    reviews: list[Reviewed] = []
    with clock.step("rate"):
        for due in dues:
            ended: list[Ended] = []
            billable, billed_to = rate_payer(job, due, table, prices, findings, ended, reviews)
            marks[due.payer.key] = billed_to
            late.extend((due.payer.key, one) for one in ended)
            if billable:
                billables.append(billable)
    issued, failed = finish_all(parts, job, billables, billed, findings, clock)
    kept = [mark for payer, owned in marks.items() if payer not in failed for mark in owned]
    known = {(payer, mark.subscription_id) for payer, owned in marks.items() for mark in owned} if late else set()
    settled = tuple(one for payer, one in late if payer not in failed and (payer, one.subscription_id) in known)
    reviewed = tuple(one for one in reviews if one.payer not in failed)
    relied = ordering.relied_on((one.invoice.draft for one in issued), job.orders) if job.orders else {}
    made = (tuple(issued), tuple(kept), frozenset(prices), tuple(findings), settled)
    return Batch(
        *made, reviews=reviewed, orders=relied, money=_money(issued, {due.payer.key: due.payer for due in dues})
    )


def _money(issued: Sequence[Issued], payers: Mapping[str, Account]) -> list[list[Any]]:
    """What documents come to, in order."""
    sums: dict[tuple[str, str, str], list[Any]] = {}
    for one in issued:
        country = payers[one.invoice.draft.payer].country
        for line in one.invoice.lines:
            charge = line.charge
            known = sums.get(key := (country, charge.plan, charge.currency))
            if known is None:
                sums[key] = [1, charge.amount, line.tax.amount]
            else:
                known[0] += 1
                known[1] += charge.amount
                known[2] += line.tax.amount
    return [[*key, *found] for key, found in sorted(sums.items())]
