"""What a rule does before and after its method, for any method: steps on the quantity, then the price, then steps on the money.

``before`` and ``after`` are lists and are carried out in their order.  All of it is one function of the whole quantity of
the stretch: what more usage adds to what was billed is the new price less what was billed, so tiers, minimums and caps hold
for the stretch as a whole, however often it is billed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT, ROUNDING, ZERO, settled
from engine.billing.pricing import phases
from engine.billing.pricing.allowance import relieved
from engine.billing.pricing.facts import WHOLE, Discount, Part, PricingFacts, Terms, change, having, in_currency, times
from engine.model.decision import Decision, Flaw

NO_WINDOWS = Code(
    "pricing.no-windows",
    "A rule prices each window of the usage by itself, but the charge has no usage to cut into windows.",
)

EACH_EVENT: Final = "events"
"""What :attr:`engine.model.decision.Method.needs` says of methods that price every event by itself."""
WEIGHTS: Final = "weights"
"""What it says of methods that weight units by the days on which they were there."""
OTHER_CHARGES: Final = "charges"
"""What it says of methods that look at what other charges owe."""


class Price(msgspec.Struct, frozen=True, gc=False):
    """A price before it is rounded, and the parts that explain it: they add up to it, but for the share of a cycle."""

    amount: Decimal
    parts: tuple[Part, ...]


def priced(pricing: Decision, facts: PricingFacts, share: Fraction = WHOLE, applies_to: str = "amount") -> Price:
    """What a stretch costs that is worth a ``share`` of its cycle, before rounding.

    Usage is measured in the stretch itself, so its amount is never shrunk: the share shrinks the tiers of the method where
    the proration rule says ``applies_to: tiers``, and nothing otherwise.  Other charges are worth their share of what the
    method gives.  Steps shrink to the share unless they say ``prorated: false``.

    Raises:
        TollbookError: whatever the method refuses.
    """
    terms, method = pricing.terms, pricing.method
    assert method is not None
    if plain(terms) and share is WHOLE and not facts.discounts and not facts.granted:
        parts = method(terms, facts, WHOLE)
        return Price(sum((part.amount for part in parts), ZERO) if len(parts) != 1 else parts[0].amount, parts)
    if not terms["ramp"]:
        made = _priced(pricing, facts, share, applies_to)
        return Price(settled(made.amount), made.parts)
    raised, said = phases.committed(terms["ramp"], facts, share)
    made = _priced(pricing, raised, share, applies_to)
    amount, last = phases.paid(terms["ramp"], facts, made.amount)
    return Price(settled(amount), (*said, *made.parts, *last))


def plain(terms: Terms) -> bool:
    """Whether the method alone makes the price."""
    return not (terms["before"] or terms["after"] or terms["ramp"] or terms["indexed"]) and terms["per"] == "period"


def _priced(pricing: Decision, facts: PricingFacts, share: Fraction, applies_to: str) -> Price:
    """The same without a ramp."""
    terms, method = pricing.terms, pricing.method
    assert method is not None
    shrunk = WHOLE
    if share is not WHOLE and (pricing.needs == OTHER_CHARGES or _in_tiers(facts, applies_to)):
        shrunk = share
    said: tuple[Part, ...] = ()
    if facts.granted:
        facts, said = relieved(terms, facts, share, shrunk)
    if terms["per"] != "period":
        parts = _of_windows(pricing, facts)
    elif terms["before"]:
        parts = _of_quantity(pricing, facts, share, shrunk)
    else:
        parts = method(terms, facts, shrunk)
    parts = (*said, *parts) if said else parts
    amount = sum((part.amount for part in parts), ZERO)
    if not _whole(pricing, facts, share):
        amount = times(amount, share)
    if terms["indexed"] and facts.index_factor is not None:
        risen = change(
            amount * facts.index_factor - amount, f"index {terms['indexed']['index']} x {facts.index_factor}"
        )
        amount, parts = amount + risen.amount, (*parts, risen)
    if not terms["after"] and not facts.discounts:
        return Price(amount, parts)
    made = list(parts)
    amount = less_coupons(amount, (one for one in facts.discounts if one.place == "first"), share, made)
    for step in terms["after"]:
        if step["of"] == "period":
            amount = _after(step, amount, facts, share, made)
    amount = less_coupons(amount, (one for one in facts.discounts if one.place == "last"), share, made)
    return Price(amount, tuple(made))


def less_coupons(amount: Decimal, discounts: Iterable[Discount], share: Fraction, parts: list[Part]) -> Decimal:
    """The amount less what coupons take off, money of them the ``share`` of a cycle; never below zero.  Adds to the parts."""
    for one in discounts:
        if amount > 0:
            off = amount * one.percent / 100 if one.percent else min(times(one.amount, share), amount)
            said = f"{one.percent.normalize():f} %" if one.percent else f"{one.amount:f}"
            parts.append(change(-off, f"coupon {one.key}, {said}"))
            amount -= off
    return amount


def _in_tiers(facts: PricingFacts, applies_to: str) -> bool:
    return applies_to == "tiers" and facts.charge.kind == "usage"


def _whole(pricing: Decision, facts: PricingFacts, share: Fraction) -> bool:
    """Whether the amount of the method is owed as it is, and not a share of it."""
    return share is WHOLE or pricing.needs == OTHER_CHARGES or facts.charge.kind == "usage"


def _of_quantity(pricing: Decision, facts: PricingFacts, share: Fraction, shrunk: Fraction) -> tuple[Part, ...]:
    """The steps before the method, and what the method makes of their quantity."""
    terms, method = pricing.terms, pricing.method
    assert method is not None
    if not terms["before"]:
        made: tuple[Part, ...] = method(terms, facts, shrunk)
        return made
    parts: list[Part] = []
    quantity, full = facts.quantity, facts.full_quantity
    for step in terms["before"]:
        quantity, full = _before(step, quantity, share), None if full is None else _before(step, full, share)
        parts.append(Part(0, quantity, ZERO, ZERO, ZERO, _said(step, BEFORE, None)))
    facts = having(facts, quantity=quantity, full_quantity=full)
    return (*parts, *method(terms, facts, shrunk))


def billable(pricing: Decision, facts: PricingFacts, share: Fraction = WHOLE) -> Decimal:
    """The quantity that the method prices: that of the facts after the steps before the method."""
    quantity = facts.quantity
    for step in pricing.terms["before"]:
        quantity = _before(step, quantity, share)
    return quantity


def _of_windows(pricing: Decision, facts: PricingFacts) -> tuple[Part, ...]:
    """Every window of the stretch priced by itself, with the steps that are of a window."""
    if facts.quantity and not facts.windows:
        raise refuse(
            NO_WINDOWS,
            f"rule {pricing.rule} prices {facts.plan}/{facts.charge.key} per {pricing.terms['per']}, but only the sum is known",
            mend="say per on usage charges alone",
        )
    parts: list[Part] = []
    for number, quantity in enumerate(facts.windows, 1):
        inside = having(facts, quantity=quantity)
        made = list(_of_quantity(pricing, inside, WHOLE, WHOLE))
        amount = sum((part.amount for part in made), ZERO)
        for step in pricing.terms["after"]:
            if step["of"] == "window":
                amount = _after(step, amount, facts, WHOLE, made)
        for part in made:
            if part.quantity or part.amount:
                label = f"window {number}" + (f", {part.step}" if part.step else "")
                parts.append(msgspec.structs.replace(part, step=label))
    return tuple(parts)


def _before(step: Terms, quantity: Decimal, share: Fraction) -> Decimal:
    """A quantity after one step: converted and rounded, or less the units that are free."""
    if "free" in step:
        free = times(step["free"], share) if step["prorated"] else step["free"]
        return max(quantity - free, min(quantity, ZERO))
    made: Decimal = quantity * step["multiply"] if "multiply" in step else CONTEXT.divide(quantity, step["divide"])
    return made if step["round"] == "none" else made.to_integral_value(ROUNDING[step["round"]])


def _after(step: Terms, amount: Decimal, facts: PricingFacts, share: Fraction, parts: list[Part]) -> Decimal:
    """The amount after one step, which adds its difference to the parts."""
    name = next(name for name in AFTER if name in step)
    made: Decimal
    if name == "discount":
        made = amount - amount * step[name]
    else:
        limit = in_currency(step[name], facts)
        made = _LIMITS[name](amount, times(limit, share) if step["prorated"] else limit, step, facts.complete)
    if made != amount:
        parts.append(change(made - amount, _said(step, AFTER, facts.account.currency)))
    return made


def _credit(amount: Decimal, money: Decimal, step: Terms, complete: bool) -> Decimal:
    return amount - min(money, max(amount, ZERO))


def _minimum(amount: Decimal, least: Decimal, step: Terms, complete: bool) -> Decimal:
    return max(amount, least) if complete else amount


def _maximum(amount: Decimal, most: Decimal, step: Terms, complete: bool) -> Decimal:
    return min(amount, most)


def _commitment(amount: Decimal, committed: Decimal, step: Terms, complete: bool) -> Decimal:
    if amount > committed:
        above: Decimal = (amount - committed) * step["overage"]
        return committed + above
    return committed if step["true_up"] and complete else amount


BEFORE: Final = ("multiply", "divide", "free")
"""Steps on the quantity, of which each entry of ``before`` names one."""
_LIMITS: Final[Mapping[str, Callable[[Decimal, Decimal, Terms, bool], Decimal]]] = {
    "credit": _credit,
    "minimum": _minimum,
    "maximum": _maximum,
    "commitment": _commitment,
}
AFTER: Final = ("discount", *_LIMITS)
"""Steps on the money, of which each entry of ``after`` names one."""


def _said(step: Terms, names: Iterable[str], currency: str | None) -> str:
    """A step in words: ``divide 1000, ceiling``, ``maximum 100``."""
    name = next(name for name in names if name in step)
    value = step[name]
    if name == "discount":
        return f"discount {(value * 100).normalize():f} %"
    value = value[currency] if currency else value
    rounded = f", {step['round']}" if name in ("multiply", "divide") and step["round"] != "none" else ""
    return f"{name} {value.normalize():f}{rounded}"


def shrinking(terms: Terms) -> bool:
    """Whether a share of the cycle shrinks some step."""
    limits = any("free" in step and step["prorated"] for step in terms["before"])
    limits = limits or any("committed" in phase for phase in terms["ramp"])
    return limits or any(
        "discount" not in step and step["prorated"] and step["of"] == "period" for step in terms["after"]
    )


def check_steps(terms: Terms) -> Iterable[Flaw]:
    """Every step names one thing to do; a step of a window needs windows; single events are priced as they came."""
    for field, names in (("before", BEFORE), ("after", AFTER)):
        for number, step in enumerate(terms[field]):
            named = [name for name in names if name in step]
            if len(named) != 1:
                told = " and ".join(named) if named else "none of " + ", ".join(names)
                yield Flaw((field, number), f"step {number + 1} names {told}", "write one step an entry")
    for number, step in enumerate(terms["before"]):
        if step.get("divide") == 0:
            yield Flaw(("before", number, "divide"), "a quantity divided by 0", "write a number above 0")
    for number, step in enumerate(terms["after"]):
        if step["of"] == "window" and terms["per"] == "period":
            yield Flaw(
                ("after", number, "of"),
                "a step of each window, but the rule has no windows",
                "say per: day, or leave it",
            )


def check_single(terms: Terms) -> Iterable[Flaw]:
    """What prices every event by itself has no use for windows or for steps on the sum of the events."""
    for field, plain in (("before", []), ("per", "period"), ("window", "period")):
        if terms[field] != plain:
            what = f"{field} looks at sums of usage, but the method prices every event by itself"
            yield Flaw((field,), what, f"leave out {field}")
