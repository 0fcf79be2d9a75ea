"""Asking for tax, in batches, by routing rules; and what happens when nobody answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.model.decision import Decide
from engine.model.routing import RoutingFacts
from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.failure import AdapterFailed
from engine.ports.host import Host

FALLBACK = Code("tax.fallback", "A tax adapter gave no answer, so the tax rules decided; the lines say so.")

LEFT = "were left to the rules of tax_fallback"
"""What a finding says became of lines that an adapter did not answer for."""

SHOWN = 5
"""Reasons that a finding gives; the others are counted."""

Answered = tuple[TaxQuote, int]
"""A quote, and the id of the tax rule's decision; 0 where an adapter answered."""


def ask_tax(
    decide: Decide, host: Host, requests: Sequence[TaxRequest], on: date
) -> tuple[dict[str, Answered], list[Finding], dict[str, str]]:
    """The quotes of adapters, by key; what went wrong on the way; and who did not answer which request, by key.

    The routing rules choose the adapter; it is asked once for all its requests, and a failure is one finding, also where the
    adapter rests after failures before.  What it does not answer, or what is routed
    to none, is left to the rules (:mod:`engine.runs.tax.fallback`).

    Raises:
        TollbookError: ``rule.no-answer`` where no adapter is routed to, not even ``none``.
    """
    batches: dict[str, list[TaxRequest]] = defaultdict(list)
    routed: dict[tuple[str, str, str], list[TaxRequest]] = {}
    for request in requests:
        key = (request.entity, request.country, request.currency)
        batch = routed.get(key)
        if batch is None:
            batch = routed[key] = batches[decide("routing", RoutingFacts("tax", *key, on), on).terms["adapter"]]
        batch.append(request)
    answers: dict[str, Answered] = {}
    findings: list[Finding] = []
    silent: dict[str, str] = {}
    for adapter, batch in batches.items():
        quotes: Sequence[TaxQuote] = ()
        try:
            if adapter != "none":
                quotes = host.ask_tax(adapter, batch)
        except TollbookError as failure:
            quotes = failure.answered if isinstance(failure, AdapterFailed) else ()
            findings.append(_fell_back(adapter, len(batch) - len(quotes), failure))
        answers.update((quote.key, (quote, 0)) for quote in quotes)
        if adapter != "none" and len(quotes) < len(batch):
            silent.update((request.key, adapter) for request in batch if request.key not in answers)
    findings.extend(host.noticed())
    return answers, findings, silent


def committing(host: Host) -> tuple[str, ...]:
    """The tax adapters that are told of issued invoices."""
    return tuple(name for name in host.adapters("tax") if host.has(name, "tax_commit"))


def by_rule(decide: Decide, request: TaxRequest) -> Answered:
    """The tax family's quote for a request."""
    decision = decide("tax", request, request.tax_point)
    rate = decision.terms["rate"]
    quote = TaxQuote(
        request.key,
        rate,
        request.tax_at(rate),
        decision.terms["category"],
        request.seller_country if decision.terms["place"] == "seller" else place_of(request),
        "rules",
        decision.terms["reason"],
    )
    return quote, decision.id


def place_of(request: TaxRequest) -> str:
    """The place of supply as jurisdictions are written: ``DE``, ``US-NY``."""
    return f"{request.country}-{request.region}" if request.region else request.country


def _fell_back(adapter: str, lines: int, failure: TollbookError) -> Finding:
    said = [*dict.fromkeys(finding.what for finding in failure.findings)]
    more = f"; and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    what = "; ".join(said[:SHOWN]) + more
    return Finding(
        FALLBACK,
        Where(f"adapter/{adapter}"),
        f"{lines} lines {LEFT}, because {adapter} did not answer: {what}",
        mend="check the adapter; then `tollbook tax true-up` asks again for the lines whose tax has the source 'rules' or "
        "'last-good'",
        level="warning",
        subject=f"adapter/{adapter}",
    )
