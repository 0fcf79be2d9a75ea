"""Asking for tax, in batches, by routing rules; and what happens when nobody answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.base.money import round_to
from engine.model.decision import Decide
from engine.model.routing import RoutingFacts
from engine.model.tax import TaxQuote, TaxRequest
from engine.ports.failure import AdapterFailed
from engine.ports.host import Host

FALLBACK = Code("tax.fallback", "A tax adapter gave no answer, so the tax rules decided; the lines say so.")

SHOWN = 5
"""Reasons that a finding gives; the others are counted."""

Answered = tuple[TaxQuote, int]
"""A quote, and the id of the tax rule's decision; 0 where an adapter answered."""


def ask_tax(
    decide: Decide, host: Host, requests: Sequence[TaxRequest], on: date
) -> tuple[dict[str, Answered], list[Finding]]:
    """The quotes of adapters, by key, and what went wrong on the way.

    The routing rules choose the adapter; it is asked once for all its requests, and a failure is one finding, also where the
    adapter rests after failures before.  What it does not answer, or what is routed
    to none, is left to the tax family (:func:`by_rule`).

    Raises:
        TollbookError: ``rule.no-answer`` where no adapter is routed to, not even ``none``.
    """
    batches: dict[str, list[TaxRequest]] = defaultdict(list)
    for request in requests:
        facts = RoutingFacts("tax", request.entity, request.country, request.currency, on)
        batches[decide("routing", facts, on).terms["adapter"]].append(request)
    answers: dict[str, Answered] = {}
    findings: list[Finding] = []
    for adapter, batch in batches.items():
        quotes: Sequence[TaxQuote] = ()
        try:
            if adapter != "none":
                quotes = host.ask_tax(adapter, batch)
        except TollbookError as failure:
            quotes = failure.answered if isinstance(failure, AdapterFailed) else ()
            findings.append(_fell_back(adapter, len(batch) - len(quotes), failure))
        answers.update((quote.key, (quote, 0)) for quote in quotes)
    findings.extend(host.noticed())
    return answers, findings


def by_rule(decide: Decide, request: TaxRequest) -> Answered:
    """The tax family's quote for a request."""
    decision = decide("tax", request, request.tax_point)
    rate = decision.terms["rate"]
    quote = TaxQuote(
        request.key,
        rate,
        round_to(request.amount * rate, request.currency),
        decision.terms["category"],
        f"{request.country}-{request.region}" if request.region else request.country,
        "rules",
        decision.terms["reason"],
    )
    return quote, decision.id


def _fell_back(adapter: str, lines: int, failure: TollbookError) -> Finding:
    said = [*dict.fromkeys(finding.what for finding in failure.findings)]
    more = f"; and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    what = "; ".join(said[:SHOWN]) + more
    return Finding(
        FALLBACK,
        Where(f"adapter/{adapter}"),
        f"{lines} lines were taxed by rule, because {adapter} did not answer: {what}",
        mend="check the adapter; the lines name 'rules' as the source of their tax",
        level="warning",
        subject=f"adapter/{adapter}",
    )
