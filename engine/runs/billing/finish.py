"""From drafts to finished invoices with their tax and their entries: everything of a bill run that can still fail for one payer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, did_you_mean, refuse
from engine.base.money import ZERO
from engine.billing import invoicing
from engine.billing.advances import Deducting
from engine.billing.crediting import credited_taxes
from engine.billing.job import Job
from engine.billing.tax_evidence import taxed_as
from engine.billing.tax_included import netted
from engine.billing.tax_rounding import TaxRoundingFacts, per_breakdown
from engine.billing.true_up import after_corrections, is_tax_only
from engine.ledger.fx import convert
from engine.ledger.posting import Determine, Role, Side, as_billed, determine, entry, invoice_sides, revenue_sides
from engine.model.account import Account
from engine.model.clearance import ClearanceFacts, Wanted
from engine.model.dunning import OTHER_INCOME
from engine.model.invoice import Invoice, InvoiceDraft, RatedCharge, Reversible
from engine.model.journal import FxRate, JournalEntry
from engine.model.numbering import Signer
from engine.model.revenue import Planned
from engine.model.revenue_contract import Covered
from engine.model.routing import RoutingFacts
from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.host import Host
from engine.runs.billing.tax_step import Answered, ask_tax, committing
from engine.runs.revenue.planning import Later, Planner, planned
from engine.runs.run import Clock, Parts, attempt
from engine.runs.tax.fallback import fall_back

OUTSIDE: Final = "outside"
"""Source of the tax of lines that are outside of it: compensation for paying late."""
OUTSIDE_REASON: Final = "Compensation for late payment, outside the scope of VAT"

NO_SIGNER = Code("numbering.no-signer", "A series that is signed by an adapter which does not sign.")

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
    postings of ``entries`` name lines by their number on the invoice; ``adapter`` delivers it, ``none`` if nobody does;
    ``clearance`` says that an authority has to clear it before; ``tax_adapter`` is told of it for tax returns, ``none`` if nobody is.
    ``plans`` are what its lines earn later, or take back of that; lines that are ``covered`` are billed for revenue contracts.
    """

    invoice: Invoice
    rate: FxRate
    functional_total: Decimal
    entries: tuple[JournalEntry, ...]
    adapter: str
    clearance: Wanted | None = None
    tax_adapter: str = "none"
    plans: tuple[Planned, ...] = ()
    covered: tuple[tuple[int, Covered], ...] = ()


def finish_all(
    parts: Parts,
    job: Job,
    billables: Sequence[Billable],
    billed: Billed,
    findings: list[Finding],
    clock: Clock,
    earned_as: Role = "revenue",
) -> tuple[list[Issued], set[str]]:
    """Finished invoices of all drafts, and the keys of payers that could not be finished; what they earn is posted as the role
    ``earned_as``."""
    drafts = [(b, d, f"{n}.{i}") for n, b in enumerate(billables) for i, d in enumerate(b.drafts)]
    deducting = Deducting(job.advances)
    credited = billed([c.credits for _, d, _ in drafts for c in d.charges if c.credits])
    if job.corrections:
        credited = after_corrections(credited, job.corrections, [draft for _, draft, _ in drafts])
    with clock.step("tax"):
        taxes = _taxes(parts, job, drafts, credited, findings)
    close = _Closing(parts, job, {**credited, **deducting.billed}, deducting, committing(parts.host), earned_as)
    issued: list[Issued] = []
    failed: set[str] = set()
    with clock.step("post"):
        for billable, draft, key in drafts:
            answers = [taxes[one] for n in range(1, len(draft.charges) + 1) if (one := f"{key}/{n}") in taxes]
            done = None
            if len(answers) == len(draft.charges):
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
    places = parts.host.calls_out("tax")
    for billable, draft, key in drafts:
        exempt = job.exemptions.get(billable.payer.key, ()) if job.exemptions else ()
        payer = _buyer(job, billable.payer, draft, findings) if job.evidence is not None else billable.payer
        if payer is None:
            continue
        asked = invoicing.tax_requests(job.entity, payer, draft, key, places, exempt)
        credits = [(r.key, c) for r, c in zip(asked, draft.charges, strict=True) if c.credits]
        if job.corrections:
            answers.update(_corrected(job, credits))
            credits = [(key, charge) for key, charge in credits if not is_tax_only(charge)]
        requests.extend(r for r, c in zip(asked, draft.charges, strict=True) if not c.credits)
        if draft.kind == "debit_note":
            answers.update(_outside(asked, draft))
            requests = [one for one in requests if one.key not in answers]
        if credits:
            given = attempt(
                lambda c=credits: credited_taxes(c, credited),  # type: ignore[misc]
                f"account/{billable.payer.key}",
                findings,
            )
            answers.update(given or {})
    quoted, problems, silent = ask_tax(job.decide, parts.host, requests, job.on)
    findings.extend(problems)
    answers.update(quoted)
    if len(quoted) < len(requests):
        answers.update(fall_back(parts, job, [one for one in requests if one.key not in quoted], silent, findings))
    return answers


def _outside(asked: Sequence[TaxRequest], draft: InvoiceDraft) -> dict[str, Answered]:
    """The tax of lines that are outside of it: none, with the reason."""
    mine = (r for r, c in zip(asked, draft.charges, strict=True) if c.kind in OTHER_INCOME and not c.credits)
    return {r.key: (TaxQuote(r.key, ZERO, ZERO, "O", r.seller_country, OUTSIDE, OUTSIDE_REASON), 0) for r in mine}


def beside_contracts(invoice: Invoice) -> frozenset[int]:
    """The numbers of lines that are of no contract; invoices of runs have none."""
    if invoice.kind == "invoice":
        return frozenset()
    return frozenset(line.number for line in invoice.lines if line.charge.kind in OTHER_INCOME)


def signer_of(host: Host, invoice: Invoice) -> Signer:
    """The key that the rule of an invoice wants its series to be signed with.

    Raises:
        TollbookError: ``numbering.no-signer``.
    """
    name, known = invoice.rule["signer"], host.signers()
    if name not in known:
        what = f"series {invoice.series} is signed by {name}, which is no adapter of the port signing"
        raise refuse(NO_SIGNER, what, mend=did_you_mean(name, known) or "name one under adapters in config.yaml")
    return known[name]


def _buyer(job: Job, payer: Account, draft: InvoiceDraft, findings: list[Finding]) -> Account | None:
    """The payer as it is taxed by its evidence; None where it is held."""
    found = attempt(lambda: taxed_as(job, payer, draft.tax_point), f"account/{payer.key}", findings)
    if found is None:
        return None
    findings.extend(found[1])
    return found[0]


def _corrected(job: Job, credits: Sequence[tuple[str, RatedCharge]]) -> dict[str, Answered]:
    """The tax of lines that correct it: the difference that was found."""
    found = ((key, job.corrections[charge.credits]) for key, charge in credits if is_tax_only(charge))
    return {key: (one.as_quote(), one.decision) for key, one in found}


class _Closing:
    """Finishes invoices of one entity and day; GL accounts and adapters are found once."""

    def __init__(
        self, parts: Parts, job: Job, credited: Mapping[int, Reversible], deducting: Deducting, recorders: Sequence[str],
        earned_as: Role,
    ) -> None:  # fmt: skip
        self.parts, self.job, self.credited, self.recorders = parts, job, credited, recorders
        self._deducting = deducting
        self._earned_as = earned_as
        self._planner = Planner(job.decide, credited, job.covers, job.corrections)
        self._accounts: dict[str, Determine] = {}
        self._adapters: dict[tuple[str, str, str], str] = {}
        self._clears = any(True for _ in parts.rules.in_force("clearance", job.on))
        self._cleared: dict[tuple[str, str, bool, str], Wanted | None] = {}
        self._by_breakdown: dict[tuple[str, str], bool] = {}
        self._numberings: dict[Any, invoicing.Numbering] = {}

    def __call__(self, billable: Billable, draft: InvoiceDraft, taxes: Sequence[Answered]) -> Issued:
        """The finished invoice of a draft.

        Raises:
            TollbookError: ``rule.no-answer`` of numbering, posting, revrec, routing or clearance, ``ledger.not-balanced``,
                ``numbering.does-not-fit``, ``numbering.no-code``, ``numbering.no-signer``.
        """
        payer, rate = billable.payer, billable.rates[draft.currency]
        whole = self._rounds(payer, draft)
        draft, taxes = netted(draft, taxes, whole=whole)
        if whole:
            taxes = per_breakdown(draft.charges, taxes, self.credited)
        if self.job.advances:
            draft, taxes = self._deducting(draft, taxes, whole=whole)
        invoice = invoicing.finish(self.job.decide, self.job.entity, payer, draft, taxes, self._numberings)
        if invoice.rule["signer"]:
            signer_of(self.parts.host, invoice)
        rates = {line.number: self.credited[line.charge.credits].rate for line in invoice.lines if line.charge.credits}
        lines = [
            (line.number, line.charge.product, line.charge.amount, line.tax.jurisdiction[:2], line.tax.amount)
            for line in invoice.lines
        ]
        others = beside_contracts(invoice)
        sides = as_billed(invoice_sides(payer.country, invoice.total, lines, others), rates)
        receivable = sum((convert(s.amount, s.rate or rate) for s in sides if s.role == "receivable"), ZERO)
        text = f"{invoice.kind} to {draft.payer}"
        entries = [self._entry("invoice", invoice, text, sides, rate)]
        earned, later = self._planner.earned(invoice)
        if earned:
            sides = as_billed(revenue_sides(payer.country, earned, self._earned_as), rates)
            entries.append(self._entry("revenue", invoice, f"revenue of {text}", sides, rate))
        posted = tuple(one for one in entries if one.postings)  # lines of zero post nothing
        plans = tuple(self._planned(one, invoice, payer.country, rates.get(one.line.number, rate)) for one in later)
        covered = self._planner.covered(invoice)
        clearance = self._clearance(payer, draft) if self._clears else None
        adapter = self._adapter("delivery", payer, draft.currency)
        recorder = self._recorder(invoice, payer) if self.recorders else "none"
        return Issued(invoice, rate, receivable, posted, adapter, clearance, recorder, plans, covered)

    def _planned(self, one: Later, invoice: Invoice, country: str, rate: FxRate) -> Planned:
        liability, _ = self._accounts[invoice.draft.currency]("contract_liability", country, one.line.charge.product)
        return planned(one, invoice, country, liability, rate)

    def _entry(self, kind: str, invoice: Invoice, text: str, sides: Sequence[Side], rate: FxRate) -> JournalEntry:
        draft = invoice.draft
        if draft.currency not in self._accounts:
            self._accounts[draft.currency] = determine(self.job.decide, draft.entity, draft.currency, self.job.on)
        accounts = self._accounts[draft.currency]
        return entry(draft.tenant, draft.entity, kind, draft.invoice_date, text, sides, rate, accounts)

    def _clearance(self, payer: Account, draft: InvoiceDraft) -> Wanted | None:
        """Who has to clear a document, if anybody."""
        key = (draft.kind, payer.country, payer.tax_id is not None, draft.currency)
        if key not in self._cleared:
            facts = ClearanceFacts(self.job.entity, *key, draft.invoice_date)
            decision = self.job.decide("clearance", facts, draft.invoice_date)
            terms = decision.terms
            wanted = Wanted(terms["adapter"], terms["on_rejection"], decision.id) if terms["needed"] else None
            self._cleared[key] = wanted
        return self._cleared[key]

    def _recorder(self, invoice: Invoice, payer: Account) -> str:
        """Which tax adapter is told of an invoice: the one that routing leads to, unless another one quoted its tax and it
        did not; what is credited goes where it was recorded."""
        if len(beside_contracts(invoice)) == len(invoice.lines):
            return "none"
        routed = self._adapter("tax", payer, invoice.draft.currency)
        sources = [line.tax.source for line in invoice.lines if line.tax.source in self.recorders]
        recorder = sources[0] if sources and routed not in sources else routed
        return recorder if recorder in self.recorders else "none"

    def _rounds(self, payer: Account, draft: InvoiceDraft) -> bool:
        """Whether tax is reckoned for each category and rate of a document."""
        key = (payer.country, draft.currency)
        if key not in self._by_breakdown:
            facts = TaxRoundingFacts(self.job.entity, *key, draft.tax_point)
            self._by_breakdown[key] = self.job.decide("tax_rounding", facts, draft.tax_point).terms["by"] == "breakdown"
        return self._by_breakdown[key]

    def _adapter(self, port: str, payer: Account, currency: str) -> str:
        key = (port, payer.country, currency)
        if key not in self._adapters:
            facts = RoutingFacts(port, self.job.entity.key, payer.country, currency, self.job.on)
            self._adapters[key] = self.job.decide("routing", facts, self.job.on).terms["adapter"]
        return self._adapters[key]
