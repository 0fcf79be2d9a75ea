"""One partition of a bill run: read, rate, draft, ask tax, finish, post, write - and only the last touches the books."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.billing import invoicing
from engine.billing.rating import Job
from engine.billing.statement import statement
from engine.ledger.fx import RateTable
from engine.ledger.posting import Determine, determine, entry, invoice_sides, revenue_sides
from engine.model.account import Account
from engine.model.contract import Contract
from engine.model.due import PayerDue
from engine.model.entity import LegalEntity
from engine.model.invoice import Invoice, InvoiceDraft, RatedCharge
from engine.model.journal import FxRate, JournalEntry
from engine.model.subscription import BillingMark
from engine.revenue.schedule import RevenueFacts
from engine.runs.run import Clock, Parts
from engine.runs.tax_step import Answered, ask_tax

T = TypeVar("T")

UNEXPECTED = Code("run.unexpected", "A fault of the program while one record was worked on; the others went on.")


class Billable(msgspec.Struct, frozen=True):
    """A payer's drafts with what finishing them needs."""

    payer: Account
    drafts: tuple[InvoiceDraft, ...]
    rates: Mapping[str, FxRate]


class Issued(msgspec.Struct, frozen=True):
    """A finished invoice with its payer's country and the rate into functional currency."""

    invoice: Invoice
    country: str
    rate: FxRate


class Batch(msgspec.Struct, frozen=True):
    """What one partition comes to, before anything is written; ``prices`` are the ids of the pricing decisions made."""

    issued: tuple[Issued, ...]
    marks: tuple[BillingMark, ...]
    prices: frozenset[int]
    findings: tuple[Finding, ...]


def attempt(work: Callable[[], T], subject: str, findings: list[Finding]) -> T | None:
    """The result of ``work``; None after a failure, which becomes findings about ``subject``: it fails small."""
    try:
        return work()
    except TollbookError as error:
        findings.extend(msgspec.structs.replace(f, subject=f.subject or subject) for f in error.findings)
    except Exception as error:  # one bad record must not stop the run
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = Where(f"{frame.filename.rpartition('/')[2]}", frame.lineno or 0)
        findings.append(
            Finding(
                UNEXPECTED,
                place,
                f"{type(error).__name__}: {error}",
                "a fault of the program or of a plug-in",
                "report it with this finding; the record is billed by the next run once it is mended",
                subject=subject,
            )
        )
    return None


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
        rates = {d.currency: table.rate(d.currency, functional) for d in made}
        return Billable(due.payer, tuple(made), rates)

    billable = attempt(draft, subject, findings)
    return billable, (marks if billable else [])


def finish_all(
    parts: Parts, job: Job, billables: Sequence[Billable], findings: list[Finding], clock: Clock
) -> tuple[list[Issued], set[str]]:
    """Finished invoices of all drafts, and the keys of payers that could not be finished."""
    jobs = [(b, d, f"{n}.{i}") for n, b in enumerate(billables) for i, d in enumerate(b.drafts)]
    with clock.step("tax"):
        requests = [r for b, d, key in jobs for r in invoicing.tax_requests(job.entity, b.payer, d, key)]
        taxes, problems = _taxes(parts, job, requests, findings)
        findings.extend(problems)
    issued: list[Issued] = []
    failed: set[str] = set()
    for billable, draft, key in jobs:
        wanted = [f"{key}/{n}" for n in range(1, len(draft.charges) + 1)]

        def make(b: Billable = billable, d: InvoiceDraft = draft, w: list[str] = wanted) -> Issued:
            invoice = invoicing.finish(job.decide, job.entity, b.payer, d, [taxes[k] for k in w])
            return Issued(invoice, b.payer.country, b.rates[d.currency])

        done = attempt(make, f"account/{billable.payer.key}", findings) if all(w in taxes for w in wanted) else None
        if done is None:
            failed.add(billable.payer.key)
        else:
            issued.append(done)
    return [i for i in issued if i.invoice.draft.payer not in failed], failed


def _taxes(
    parts: Parts, job: Job, requests: Sequence[Any], findings: list[Finding]
) -> tuple[dict[str, Answered], list[Finding]]:
    """Quotes in one batch; if a rule fails for one of them, each is asked alone, so that only its payer is held."""
    try:
        return ask_tax(job.decide, parts.host, requests, job.on)
    except TollbookError:
        answers: dict[str, Answered] = {}
        problems: list[Finding] = []
        for request in requests:
            one = attempt(
                lambda r=request: ask_tax(job.decide, parts.host, [r], job.on),  # type: ignore[misc]
                f"account/{request.account}",
                findings,
            )
            if one is not None:
                answers.update(one[0])
                problems.extend(one[1])
        return answers, problems


def compute(parts: Parts, job: Job, dues: Sequence[PayerDue], table: RateTable, clock: Clock) -> Batch:
    """Everything a partition comes to.  Pure but for the questions to tax adapters."""
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
    issued, failed = finish_all(parts, job, billables, findings, clock)
    kept = [mark for payer, owned in marks.items() if payer not in failed for mark in owned]
    return Batch(tuple(issued), tuple(kept), frozenset(prices), tuple(findings))


def entries(job: Job, issued: Issued, first_line: int, accounts: Determine) -> list[JournalEntry]:
    """The entries of an invoice: the receivable against contract balances and tax, and what its schedules earn at once."""
    invoice, country = issued.invoice, issued.country
    draft = invoice.draft
    lines = [
        (first_line + n, line.charge.product, line.charge.amount, line.tax.jurisdiction[:2], line.tax.amount)
        for n, line in enumerate(invoice.lines)
    ]
    made = [
        entry(
            draft.tenant,
            draft.entity,
            "invoice",
            draft.invoice_date,
            f"{invoice.kind} to {draft.payer}",
            invoice_sides(country, invoice.total, lines),
            issued.rate,
            accounts,
        )
    ]
    earned = [(line, product, amount) for line, product, amount in _earned(job, invoice, first_line)]
    if earned:
        made.append(
            entry(
                draft.tenant,
                draft.entity,
                "revenue",
                draft.invoice_date,
                f"revenue of {invoice.kind} to {draft.payer}",
                revenue_sides(country, earned),
                issued.rate,
                accounts,
            )
        )
    return made


def _earned(job: Job, invoice: Invoice, first_line: int) -> list[tuple[int, str, Any]]:
    earned = []
    for n, line in enumerate(invoice.lines):
        charge = line.charge
        facts = RevenueFacts(
            invoice.draft.entity,
            charge.product,
            charge.kind,
            charge.service_from,
            charge.service_to,
            invoice.draft.invoice_date,
            charge.amount,
        )
        decision = job.decide("revrec", facts, charge.service_from)
        assert decision.method is not None
        for item in decision.method(decision.terms, facts):
            if item.on <= invoice.draft.invoice_date:
                earned.append((first_line + n, charge.product, item.amount))
    return earned


def accounts_of(job: Job) -> Callable[[str], Determine]:
    """GL account determination by transaction currency, for one entity and day."""
    known: dict[str, Determine] = {}

    def of(currency: str) -> Determine:
        if currency not in known:
            known[currency] = determine(job.decide, job.entity.key, currency, job.on)
        return known[currency]

    return of


def make_job(parts: Parts, entity: LegalEntity, catalogue: Any, meters: Any, on: date, seen: Mapping[str, int]) -> Job:
    """What a run brings to every subscription of one entity."""
    return Job(entity, catalogue, meters, parts.rules.decide, on, seen["events"], seen["usage"])
