"""What lines are taxed with while their adapter does not answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from engine.base.errors import Code, Finding, TollbookError, Where, refuse
from engine.billing.job import Job
from engine.model.decision import Decision
from engine.model.tax import TaxQuote, TaxRequest
from engine.model.tax_correction import LAST_GOOD, FallbackFacts
from engine.runs.billing.tax_step import Answered, by_rule, place_of
from engine.runs.run import Parts, attempt
from engine.store.reading.tax import Quoted

HELD = Code("tax.held", "A payer that is held, because its tax adapter gave no answer and no fallback has one.")

Unanswered = Mapping[str, str]
"""Key of a request -> the adapter that did not answer it."""


def fall_back(
    parts: Parts, job: Job, requests: Sequence[TaxRequest], silent: Unanswered, findings: list[Finding]
) -> dict[str, Answered]:
    """The tax on lines that nobody answered for, as the rules of ``tax_fallback`` say; those of held payers have none.

    Lines that are routed to no adapter are what the rules of ``tax`` are for, and fall back to nothing.
    """
    decisions = {
        request.key: job.decide(
            "tax_fallback", FallbackFacts(request, silent[request.key], "fallback"), request.tax_point
        )
        for request in requests
        if request.key in silent
    }
    known = _quoted(parts, job, requests, decisions)
    answers: dict[str, Answered] = {}
    held: set[str] = set()
    for request in requests:
        if request.account in held:
            continue

        def answer(request: TaxRequest = request) -> Answered:
            decision = decisions.get(request.key)
            if decision is None:
                return by_rule(job.decide, request)
            quoted = known.get((request.account, request.tax_code), ())
            return _first(job, request, silent[request.key], decision, quoted)

        found = attempt(answer, f"account/{request.account}", findings)
        if found is None:
            held.add(request.account)
        else:
            answers[request.key] = found
    return answers


def _quoted(
    parts: Parts, job: Job, requests: Sequence[TaxRequest], decisions: Mapping[str, Decision]
) -> dict[tuple[str, str], list[Quoted]]:
    """What was quoted last by payer and tax code, the newest first; read only where a rule asks for it."""
    asking = [(r, decisions[r.key].terms) for r in requests if r.key in decisions]
    asking = [(request, terms) for request, terms in asking if "last_good" in terms["order"]]
    found: dict[tuple[str, str], list[Quoted]] = {}
    if asking:
        since = min(request.tax_point - timedelta(days=terms["max_age"]) for request, terms in asking)
        with parts.books.reader() as reader:
            payers = {request.account for request, _ in asking}
            for one in reader.last_quotes(parts.tenant, job.entity.key, payers, since):
                found.setdefault((one.payer, one.tax_code), []).insert(0, one)
    return found


def _first(job: Job, request: TaxRequest, adapter: str, decision: Decision, quoted: Sequence[Quoted]) -> Answered:
    """The first answer in the order of the rule.

    Raises:
        TollbookError: ``tax.held``, or ``rule.no-answer`` of the rules of ``tax``.
    """
    gap: TollbookError | None = None
    for way in decision.terms["order"]:
        if way == "last_good":
            since = request.tax_point - timedelta(days=decision.terms["max_age"])
            found = next((one for one in quoted if one.on >= since and alike(request, one.quote)), None)
            if found is not None:
                return last_good(request, found), decision.id
        elif way == "table":
            try:
                return by_rule(job.decide, request)
            except TollbookError as error:
                gap = error
    if gap is not None and decision.terms["order"][-1] != "hold":
        raise gap
    where = f"account/{request.account}"
    raise refuse(
        HELD,
        f"{request.account} is held: {adapter} gave no answer about its tax",
        why=f"rule {decision.rule} of {decision.ruleset} tries {', '.join(decision.terms['order'])}",
        mend="what is owed stays owed; bill on the next date, once the adapter answers",
        where=Where(where),
        subject=where,
    )


def alike(request: TaxRequest, quote: TaxQuote) -> bool:
    """Whether a quote of the past is of the request's jurisdiction, for a buyer that was as exempt as it is now."""
    place = place_of(request)
    within = bool(request.region) and quote.jurisdiction.startswith(f"{place}-")
    there = quote.jurisdiction == place or within
    return there and request.exempt == (quote.category == "E")


def last_good(request: TaxRequest, found: Quoted) -> TaxQuote:
    """The rate of an earlier quote on the amount of a request; its source says of which day the rate is."""
    quote = found.quote
    return TaxQuote(
        request.key,
        quote.rate,
        request.tax_at(quote.rate),
        quote.category,
        quote.jurisdiction,
        f"{LAST_GOOD}{found.on}",
        quote.reason,
    )
