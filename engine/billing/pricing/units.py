"""Methods without tiers: flat, per unit, agreed, package, dynamic."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT, ROUNDING, ZERO
from engine.billing.pricing.facts import WHOLE, Part, PricingFacts, Terms, in_currency, times
from engine.model.decision import Flaw

NO_AGREED_PRICE = Code(
    "pricing.no-agreed-price", "A rule asks for the contract's price, but the contract agrees none for the charge."
)

NO_NUMBER = Code("pricing.no-number", "A formula has no value for the facts, such as where it divides by zero.")


def flat(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """One price a cycle, whatever the quantity."""
    price = times(in_currency(terms["price"], facts), share)
    return (Part(0, facts.quantity, ZERO, price, price),)


def per_unit(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """A price for each unit above those ``included``."""
    unit = in_currency(terms["unit"], facts)
    quantity = max(facts.quantity - times(terms["included"], share), ZERO)
    return (Part(0, quantity, unit, ZERO, quantity * unit),)


def agreed(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """The unit price that the customer's contract agrees for the charge, times the quantity."""
    if facts.agreed_price is None:
        raise refuse(
            NO_AGREED_PRICE,
            f"no agreed price for {facts.plan}/{facts.charge.key} of account {facts.account.key}",
            mend="add a contract line, or let the rule apply only where agreed_price != null",
        )
    unit = in_currency({facts.agreed_currency or "": facts.agreed_price}, facts)
    return (Part(0, facts.quantity, unit, ZERO, facts.quantity * unit),)


def package(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """A price for each package of ``size`` units above those ``included``; ``round`` says what a started package counts."""
    quantity = max(facts.quantity - times(terms["included"], share), ZERO)
    packages, mode = CONTEXT.divide(quantity, terms["size"]), terms["round"]
    if mode != "none":
        packages = packages.to_integral_value(ROUNDING[mode])
    unit = in_currency(terms["price"], facts)
    return (Part(0, packages, unit, ZERO, packages * unit),)


def dynamic(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """The usage events carry money: their sum, in the account's currency, times the ``multiplier``."""
    multiplier = terms["multiplier"]
    return (Part(0, facts.quantity, multiplier, ZERO, facts.quantity * multiplier),)


def formula(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """What a formula over the facts gives, in the account's currency; bound it by minimum and maximum steps.

    Raises:
        TollbookError: ``pricing.no-number``.
    """
    try:
        amount = Decimal(terms["value"].of(facts))
    except ArithmeticError:
        raise refuse(
            NO_NUMBER,
            f"{terms['value']} has no value for quantity {facts.quantity} of {facts.plan}/{facts.charge.key}",
            why="it divides by zero, or the number grows without bounds",
            mend="let the rule apply only where the formula has a value",
        ) from None
    return (Part(0, facts.quantity, ZERO, amount, amount),)


def check_size(terms: Terms) -> Iterable[Flaw]:
    """A package holds more than nothing."""
    if terms["size"] <= 0:
        yield Flaw(("size",), f"a package of {terms['size']} units", "write a size above 0")
