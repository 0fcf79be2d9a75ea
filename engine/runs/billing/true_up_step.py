"""What truing up the tax of some payers comes to: who is asked again, the differences, and the documents that carry them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from engine.base.errors import Code, Finding
from engine.billing import invoicing
from engine.billing.job import Job
from engine.billing.tax_evidence import taxed_as
from engine.billing.tax_rounding import TaxRoundingFacts
from engine.billing.true_up import is_tax_only, kind_of, settled
from engine.model.account import Account
from engine.model.entity import LegalEntity
from engine.model.invoice import InvoiceDraft, Reversible
from engine.model.journal import FxRate
from engine.model.routing import RoutingFacts
from engine.model.tax import TaxRequest
from engine.model.tax_correction import Cause, Correction, Exemption, FallbackFacts, covering
from engine.runs.billing.finish import Billable
from engine.runs.billing.read import TRUE_UP
from engine.runs.billing.tax_step import FALLBACK, LEFT, Answered, ask_tax, by_rule
from engine.runs.run import Parts, attempt
from engine.store.reader import Reader
from engine.store.reading.tax import Between, TaxedLine
from engine.store.reversal import reversible

SILENT = Code("tax.still-silent", "Lines that were taxed by the fallback, whose adapter does not answer yet.")


class Asking(msgspec.Struct, frozen=True):
    """Lines of one invoice, in their order, and which of them are asked about again, by place; ``reference`` is the
    certificate where that is the cause."""

    cause: Cause
    reference: str
    payer: Account
    draft: InvoiceDraft
    lines: tuple[TaxedLine, ...]
    left: Mapping[int, Reversible]
    requests: Mapping[int, TaxRequest]
    adapter: str


class TruedUp(msgspec.Struct, frozen=True):
    """What is known about the tax of some payers now, and what has to be issued for it."""

    corrections: tuple[Correction, ...]
    billables: tuple[Billable, ...]
    findings: tuple[Finding, ...]


def true_up_payers(parts: Parts, reader: Reader, job: Job, between: Between, since: date, until: date) -> TruedUp:
    """The differences between the tax that some payers were invoiced with on some days and what it should have been."""
    tenant, (entity, low, high) = parts.tenant, between
    silent = reader.lines_to_ask_again(tenant, between, since, until)
    papers = reader.exemptions(tenant, entity, low, high)
    taxed = reader.taxed_lines(tenant, entity, papers, since, until) if papers else []
    left = reversible(reader, [line.id for line in (*silent, *taxed)])
    known = reader.corrections_on(tenant, list(left)) if left else []
    waits = {one.line_id for one, document in known if not document and one.way != "none"}
    done = {(one.line_id, one.cause, one.reference) for one, _ in known}
    accounts = reader.accounts_as_of(line.head["payer_id"] for line in (*silent, *taxed))
    finder = _Finder(job, left, waits, done, accounts, papers, parts.host.calls_out("tax"))
    asking = [*finder.fallen(silent), *finder.exempted(taxed)]
    quoted, findings = _asked(parts, job, asking)
    found = [(one, _corrections(job, one, quoted)) for one in asking]
    billables = [_billable(job, one, made) for one, made in found if any(c.way == "document" for c in made)]
    return TruedUp(tuple(c for _, made in found for c in made), tuple(billables), tuple(findings))


class _Finder:
    """Finds what is to be asked again."""

    def __init__(
        self,
        job: Job,
        left: Mapping[int, Reversible],
        waits: set[int],
        done: set[tuple[int, Cause, str]],
        accounts: Mapping[int, Account],
        papers: Mapping[str, tuple[Exemption, ...]],
        addressed: bool,
    ) -> None:
        self.job, self.left, self.waits, self.done = job, left, waits, done
        self.accounts, self.papers, self.addressed = accounts, papers, addressed
        self.asked: set[int] = set()

    def fallen(self, lines: Iterable[TaxedLine]) -> list[Asking]:
        """Invoices with lines that the fallback taxed, though an adapter is routed to."""
        made = []
        for members in _by_invoice(lines):
            payer = self.accounts[members[0].head["payer_id"]]
            adapter = self._adapter(payer, members[0].head)
            done = {line for line, cause, _ in self.done if cause == "fallback"}
            places = [
                n for n, line in enumerate(members) if line.fell_back and line.id not in done and self._open(line)
            ]
            if adapter != "none" and places:
                made.append(self._asking("fallback", adapter, payer, members, places, adapter))
        return made

    def exempted(self, lines: Iterable[TaxedLine]) -> list[Asking]:
        """Invoices with lines that a certificate exempts, by certificate."""
        made = []
        for members in _by_invoice(lines):
            payer = self.accounts[members[0].head["payer_id"]]
            by_paper: dict[str, list[int]] = {}
            for place, line in enumerate(members):
                paper = self._paper(payer, line)
                if paper and self._open(line) and (line.id, "exemption", paper) not in self.done:
                    by_paper.setdefault(paper, []).append(place)
            for paper, places in sorted(by_paper.items()):
                adapter = self._adapter(payer, members[0].head)
                made.append(self._asking("exemption", paper, payer, members, places, adapter))
        return made

    def _paper(self, payer: Account, line: TaxedLine) -> str:
        if line.id in self.asked:
            return ""
        papers = self.papers.get(payer.key, ())
        found = covering(papers, payer.country, payer.region, line.charge.tax_code, line.head["tax_point"])
        return found.certificate if found and self.left[line.id].tax_left else ""

    def _open(self, line: TaxedLine) -> bool:
        """Whether there is something left of a line, and no correction of it on its way."""
        return not line.charge.credits and line.id not in self.waits and bool(self.left[line.id].net_left)

    def _adapter(self, payer: Account, head: Mapping[str, Any]) -> str:
        day = head["invoice_date"]
        facts = RoutingFacts("tax", self.job.entity.key, payer.country, head["currency"], day)
        adapter: str = self.job.decide("routing", facts, day).terms["adapter"]
        return adapter

    def _asking(
        self,
        cause: Cause,
        reference: str,
        payer: Account,
        members: Sequence[TaxedLine],
        places: Sequence[int],
        adapter: str,
    ) -> Asking:
        draft = _draft(self.job.entity, payer, members, self.left)
        proved = attempt(lambda: taxed_as(self.job, payer, draft.tax_point, draft.tax_point)[0], payer.key, []) or payer
        key, papers = f"{cause} {members[0].head['id']}", self.papers.get(payer.key, ())
        requests = invoicing.tax_requests(self.job.entity, proved, draft, key, self.addressed, papers)
        self.asked.update(members[place].id for place in places)
        wanted = {place: requests[place] for place in places}
        return Asking(cause, reference, payer, draft, tuple(members), self.left, wanted, adapter)


def _by_invoice(lines: Iterable[TaxedLine]) -> list[list[TaxedLine]]:
    found: dict[int, list[TaxedLine]] = {}
    for line in lines:
        found.setdefault(line.head["id"], []).append(line)
    return list(found.values())


def _draft(
    entity: LegalEntity, payer: Account, lines: Sequence[TaxedLine], left: Mapping[int, Reversible]
) -> InvoiceDraft:
    """The invoice as it was drafted, each line with what is left of it, by its price."""
    head = lines[0].head
    charges = tuple(
        line.charge.priced(line.tax.amount)
        if line.charge.credits
        else msgspec.structs.replace(line.charge, amount=left[line.id].net_left).priced(left[line.id].tax_left)
        for line in lines
    )
    return InvoiceDraft(
        entity.tenant,
        entity.key,
        payer.key,
        payer.id,
        head["currency"],
        "invoice",
        head["currency"],
        head["invoice_date"],
        head["tax_point"],
        head["due_date"],
        head["purchase_order"],
        charges,
        head["draft_decision"],
    )


def _asked(parts: Parts, job: Job, asking: Sequence[Asking]) -> tuple[dict[str, Answered], list[Finding]]:
    """What adapters answer now, by key of the request; rules answer where none is routed to."""
    requests = [request for one in asking for request in one.requests.values()]
    quoted, problems, silent = ask_tax(job.decide, parts.host, requests, job.on)
    for request in requests:
        if request.key not in quoted and request.key not in silent:
            ruled = attempt(lambda r=request: by_rule(job.decide, r), f"account/{request.account}", problems)  # type: ignore[misc]
            quoted.update({request.key: ruled} if ruled else {})
    return quoted, [_still(problem) if problem.code == FALLBACK else problem for problem in problems]


def _still(problem: Finding) -> Finding:
    what = problem.what.replace(LEFT, "keep the tax that they have for now")
    mend = "check the adapter; then true up again: what was answered is not asked twice"
    return msgspec.structs.replace(problem, code=SILENT, what=what, mend=mend)


def _corrections(job: Job, one: Asking, quoted: Mapping[str, Answered]) -> list[Correction]:
    """The corrections of one invoice; none before all of it that is asked about is answered."""
    if any(request.key not in quoted for request in one.requests.values()):
        return []
    charges = one.draft.charges
    before = [
        (msgspec.structs.replace(line.tax, amount=line.tax.amount), line.decision)
        if line.charge.credits
        else (
            msgspec.structs.replace(one.left[line.id].tax, amount=one.left[line.id].tax_left),
            one.left[line.id].tax_decision,
        )
        for line in one.lines
    ]
    asked = {place: quoted[request.key] for place, request in one.requests.items()}
    now = settled(charges, before, asked, _by_breakdown(job, one))
    made = []
    for place, (line, charge) in enumerate(zip(one.lines, charges, strict=True)):
        (was, _), (quote, decision) = before[place], now[place]
        if is_tax_only(charge) or (place not in asked and was.amount == quote.amount):
            continue
        changed = was.amount != quote.amount
        made.append(
            Correction(
                line.id,
                one.cause,
                one.reference,
                job.entity.key,
                one.payer.key,
                line.head["number"],
                line.charge,
                charge.amount - was.amount if charge.tax_included else charge.amount,
                was.amount,
                was.rate,
                was.category,
                was.reason,
                quote,
                decision,
                _way(job, one) if changed else "none",
            )
        )
    return made


def _way(job: Job, one: Asking) -> Any:
    request = next(iter(one.requests.values()))
    facts = FallbackFacts(request, one.adapter, one.cause)
    return job.decide("tax_fallback", facts, request.tax_point).terms["true_up"]


def _by_breakdown(job: Job, one: Asking) -> bool:
    """Whether the tax of the invoice was reckoned for each category and rate, and all of the invoice is left."""
    whole = all(
        line.charge.credits or charge.amount == line.charge.priced(line.tax.amount).amount
        for line, charge in zip(one.lines, one.draft.charges, strict=True)
    )
    facts = TaxRoundingFacts(job.entity, one.payer.country, one.draft.currency, one.draft.tax_point)
    return whole and bool(job.decide("tax_rounding", facts, one.draft.tax_point).terms["by"] == "breakdown")


def _billable(job: Job, one: Asking, made: Sequence[Correction]) -> Billable:
    """The document that corrects an invoice and names it, at the invoice's rate of exchange."""
    head, mine = one.lines[0].head, [c for c in made if c.way == "document"]
    again = f"/{one.reference}" if one.cause == "exemption" else ""
    draft = msgspec.structs.replace(
        one.draft,
        kind=kind_of(mine),
        group=f"{head['currency']}{TRUE_UP}{head['number']}/{one.cause}{again}",
        invoice_date=job.on,
        tax_point=job.on,
        due_date=job.on + (head["due_date"] - head["invoice_date"]),
        charges=tuple(c.as_charge() for c in mine),
    )
    rate = FxRate(head["currency"], head["functional_currency"], head["rate"], head["rate_source"], head["rate_on"])
    return Billable(one.payer, (draft,), {head["currency"]: rate})
