"""From drafts to finished invoices with their tax and their entries: everything of a bill run that can still fail for one payer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Finding
from engine.base.money import ZERO
from engine.billing import invoicing
from engine.billing.crediting import credited_taxes
from engine.billing.job import Job
from engine.ledger.fx import convert
from engine.ledger.posting import Determine, Side, as_billed, determine, entry, invoice_sides, revenue_sides
from engine.model.account import Account
from engine.model.invoice import Invoice, InvoiceDraft, Reversible
from engine.model.journal import FxRate, JournalEntry
from engine.model.routing import RoutingFacts
from engine.model.tax import TaxRequest
from engine.revenue.schedule import RevenueFacts
from engine.runs.run import Clock, Parts, attempt
from engine.runs.tax_step import Answered, ask_tax, by_rule

Billed = Callable[[Sequence[int]], Mapping[int, Reversible]]
"""Ids of billed lines -> what credits on them need."""


class Billable(msgspec.Struct, frozen=True):
    """A payer's drafts with what finishing them needs."""

    payer: Account
    drafts: tuple[InvoiceDraft, ...]
    rates: Mapping[str, FxRate]


class Issued(msgspec.Struct, frozen=True):
    """A finished invoice and what follows from it.

    ``rate`` leads from its currency into the functional one, ``functional_total`` is what the receivable was posted with;
    postings of ``entries`` name lines by their number on the invoice; ``adapter`` delivers it, ``none`` if nobody does.
    """

    invoice: Invoice
    rate: FxRate
    functional_total: Decimal
    entries: tuple[JournalEntry, ...]
    adapter: str


def finish_all(
    parts: Parts, job: Job, billables: Sequence[Billable], billed: Billed, findings: list[Finding], clock: Clock
) -> tuple[list[Issued], set[str]]:
    """Finished invoices of all drafts, and the keys of payers that could not be finished."""
    drafts = [(b, d, f"{n}.{i}") for n, b in enumerate(billables) for i, d in enumerate(b.drafts)]
    credited = billed([c.credits for _, d, _ in drafts for c in d.charges if c.credits])
    with clock.step("tax"):
        taxes = _taxes(parts, job, drafts, credited, findings)
    close = _Closing(job, credited)
    issued: list[Issued] = []
    failed: set[str] = set()
    with clock.step("post"):
        for billable, draft, key in drafts:
            wanted = [f"{key}/{n}" for n in range(1, len(draft.charges) + 1)]
            done = None
            if all(one in taxes for one in wanted):
                answers = [taxes[one] for one in wanted]
                done = attempt(
                    lambda b=billable, d=draft, a=answers: close(b, d, a),  # type: ignore[misc]
                    f"account/{billable.payer.key}",
                    findings,
                )
            if done is None:
                failed.add(billable.payer.key)
            else:
                issued.append(done)
    return [i for i in issued if i.invoice.draft.payer not in failed], failed


def _taxes(
    parts: Parts,
    job: Job,
    drafts: Sequence[tuple[Billable, InvoiceDraft, str]],
    credited: Mapping[int, Reversible],
    findings: list[Finding],
) -> dict[str, Answered]:
    """Tax by key of the line: credits as their line was taxed, the rest by adapter, then by rule.

    A line that no rule taxes either has no answer, and a finding.
    """
    requests: list[TaxRequest] = []
    answers: dict[str, Answered] = {}
    for billable, draft, key in drafts:
        asked = invoicing.tax_requests(job.entity, billable.payer, draft, key)
        credits = [(r.key, c) for r, c in zip(asked, draft.charges, strict=True) if c.credits]
        requests.extend(r for r, c in zip(asked, draft.charges, strict=True) if not c.credits)
        if credits:
            given = attempt(
                lambda c=credits: credited_taxes(c, credited),  # type: ignore[misc]
                f"account/{billable.payer.key}",
                findings,
            )
            answers.update(given or {})
    quoted, problems = ask_tax(job.decide, parts.host, requests, job.on)
    findings.extend(problems)
    answers.update(quoted)
    for request in requests:
        if request.key not in answers:
            ruled = attempt(lambda r=request: by_rule(job.decide, r), f"account/{request.account}", findings)  # type: ignore[misc]
            if ruled is not None:
                answers[request.key] = ruled
    return answers


class _Closing:
    """Finishes invoices of one entity and day; GL accounts and adapters are found once."""

    def __init__(self, job: Job, credited: Mapping[int, Reversible]) -> None:
        self.job, self.credited = job, credited
        self._accounts: dict[str, Determine] = {}
        self._adapters: dict[tuple[str, str], str] = {}

    def __call__(self, billable: Billable, draft: InvoiceDraft, taxes: Sequence[Answered]) -> Issued:
        """The finished invoice of a draft.

        Raises:
            TollbookError: ``rule.no-answer`` of numbering, posting, revrec or routing, ``ledger.not-balanced``.
        """
        payer, rate = billable.payer, billable.rates[draft.currency]
        invoice = invoicing.finish(self.job.decide, self.job.entity, payer, draft, taxes)
        rates = {line.number: self.credited[line.charge.credits].rate for line in invoice.lines if line.charge.credits}
        lines = [
            (line.number, line.charge.product, line.charge.amount, line.tax.jurisdiction[:2], line.tax.amount)
            for line in invoice.lines
        ]
        sides = as_billed(invoice_sides(payer.country, invoice.total, lines), rates)
        receivable = sum((convert(s.amount, s.rate or rate) for s in sides if s.role == "receivable"), ZERO)
        text = f"{invoice.kind} to {draft.payer}"
        entries = [self._entry("invoice", invoice, text, sides, rate)]
        earned = list(self._earned(invoice))
        if earned:
            sides = as_billed(revenue_sides(payer.country, earned), rates)
            entries.append(self._entry("revenue", invoice, f"revenue of {text}", sides, rate))
        posted = tuple(one for one in entries if one.postings)  # lines of zero post nothing
        return Issued(invoice, rate, receivable, posted, self._adapter(payer, draft.currency))

    def _entry(self, kind: str, invoice: Invoice, text: str, sides: Sequence[Side], rate: FxRate) -> JournalEntry:
        draft = invoice.draft
        if draft.currency not in self._accounts:
            self._accounts[draft.currency] = determine(self.job.decide, draft.entity, draft.currency, self.job.on)
        accounts = self._accounts[draft.currency]
        return entry(draft.tenant, draft.entity, kind, draft.invoice_date, text, sides, rate, accounts)

    def _earned(self, invoice: Invoice) -> list[tuple[int, str, Any]]:
        day, earned = invoice.draft.invoice_date, []
        for line in invoice.lines:
            charge = line.charge
            facts = RevenueFacts(
                invoice.draft.entity,
                charge.product,
                charge.kind,
                charge.service_from,
                charge.service_to,
                day,
                charge.amount,
            )
            decision = self.job.decide("revrec", facts, charge.service_from)
            assert decision.method is not None
            for item in decision.method(decision.terms, facts):
                if item.on <= day:
                    earned.append((line.number, charge.product, item.amount))
        return earned

    def _adapter(self, payer: Account, currency: str) -> str:
        key = (payer.country, currency)
        if key not in self._adapters:
            facts = RoutingFacts("delivery", self.job.entity.key, *key, self.job.on)
            self._adapters[key] = self.job.decide("routing", facts, self.job.on).terms["adapter"]
        return self._adapters[key]
