"""Units that cost nothing in a cycle: the allowance of a rule itself, and what is granted beyond it.

Units are granted where they were carried over from earlier cycles, or where other members of a pool bring them.  They take
the place of usage that the rule's own allowance does not cover, so that any method prices what is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from engine.base.money import ZERO
from engine.billing.pricing.facts import WHOLE, Part, PricingFacts, Terms, having, times
from engine.model.decision import Flaw

METHODS: Final = ("flat", "per_unit", "package", "graduated", "volume", "stairstep", "graduated_percentage")
"""Methods that look at the sum of the usage, and at nothing that differs between subscriptions."""
POOLED_WITHIN: Final = ("subscription", "quarter", "half_year", "year")
"""What units that a pool carries over can stay within."""
OWN: Final = ("agreed", "matrix", "formula")
"""Methods that look at the sum of the usage, and at facts of the subscription."""


def allowance(terms: Terms, share: Fraction = WHOLE, shrunk: Fraction = WHOLE) -> Decimal:
    """The units that a rule itself gives for nothing: a first step of ``before`` that is free, else ``included``.

    ``share`` is the share of the cycle, to which such a step shrinks, ``shrunk`` that to which the terms of the method do.
    """
    first = terms["before"][0] if terms["before"] else {}
    if "free" in first:
        return times(first["free"], share if first["prorated"] else WHOLE)
    return times(terms.get("included") or ZERO, shrunk)


def relieved(
    terms: Terms, facts: PricingFacts, share: Fraction, shrunk: Fraction
) -> tuple[PricingFacts, tuple[Part, ...]]:
    """The facts less the granted units that are used, and what to say of it."""
    used = min(facts.granted, max(facts.quantity - allowance(terms, share, shrunk), ZERO))
    left = facts.quantity - used
    said = Part(0, left, ZERO, ZERO, ZERO, f"granted {facts.granted.normalize():f}, used {used.normalize():f}")
    relieved: Any = having(facts, quantity=left)
    return relieved, (said,)


def check_sharing(terms: Terms) -> Iterable[Flaw]:
    """What rules with ``rollover`` or ``pool`` can say beside it."""
    for field in ("rollover", "pool"):
        if terms[field] is None:
            continue
        for other, plain in (("per", "period"), ("window", "period"), ("ramp", []), ("indexed", None)):
            if terms[other] != plain:
                yield Flaw((other,), f"{field} and {other} in one rule", f"leave out {other}, or {field}")
        methods = METHODS if field == "pool" else (*METHODS, *OWN)
        if terms.get("method") not in methods:
            what = f"method {terms.get('method')} looks at more than the sum of the usage"
            yield Flaw((field,), what, f"leave out {field}, or use one of {', '.join(methods)}")
        yield from _check_allowance(terms, field)
    if terms["rollover"] is not None and terms["pool"] is not None:
        yield from _check_pooled(terms["rollover"])


def _check_pooled(rollover: Mapping[str, Any]) -> Iterable[Flaw]:
    """What a pool leaves is of no single subscription, so it knows neither the plan nor the first day of one."""
    within = rollover["within"]
    if within not in POOLED_WITHIN:
        what = f"{within} is counted from the first day of one subscription, and a pool has several"
        yield Flaw(("rollover", "within"), what, f"say one of {', '.join(POOLED_WITHIN)}")
    if not rollover["across_plans"]:
        what = "what a pool leaves is of all of its members, whatever their plans"
        yield Flaw(("rollover", "across_plans"), what, "leave out across_plans, or pool")


def _check_allowance(terms: Terms, field: str) -> Iterable[Flaw]:
    steps = terms["before"]
    if (terms.get("included") and steps) or any("free" in step for step in steps[1:]):
        what = f"the allowance of a rule with {field} is the first thing that is taken off, and the only one"
        yield Flaw(("before",), what, "write it as a first step free, without included")
    elif field == "rollover" and not allowance(terms):
        what = "the rule has no allowance that could be carried over"
        yield Flaw((field,), what, "say included, or a first step of before that is free")
