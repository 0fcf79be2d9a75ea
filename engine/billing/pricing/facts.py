"""What all pricing methods share: the facts, the parts of a price, and a price in the account's currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT
from engine.model.account import Account
from engine.model.attribute import UNATTRIBUTED, UNCONTRACTED, Contracted, Subscribed
from engine.model.catalog import Charge
from engine.model.decision import Flaw
from engine.model.entity import LegalEntity

NO_PRICE_IN_CURRENCY = Code(
    "pricing.no-price-in-currency", "The price list of the rule that applies has no price in the account's currency."
)

WHOLE = Fraction(1)
Terms = Mapping[str, Any]


class Discount(msgspec.Struct, frozen=True, gc=False):
    """What a coupon takes off one price: a percentage, or an amount of the whole cycle; before or after the steps of ``after``."""

    key: Annotated[str, Meta(description="coupon key")]
    place: Annotated[str, Meta(description="first: before the steps of after; last: after them")]
    percent: Annotated[Decimal, Meta(description="percentage that it takes off; 0 where it is money")]
    amount: Annotated[Decimal, Meta(description="money that it takes off; 0 where it is a percentage")]


class PricingFacts(msgspec.Struct, frozen=True, gc=False):
    """What a pricing rule may look at."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that sells")]
    account: Annotated[Account, Meta(description="the account that uses the service")]
    charge: Annotated[Charge, Meta(description="the charge of the catalogue")]
    plan: Annotated[str, Meta(description="plan key")]
    quantity: Annotated[
        Decimal, Meta(description="subscribed quantity, or metered quantity of the stretch", extra={"least": 0})
    ]
    agreed_price: Annotated[Decimal | None, Meta(description="unit price that the contract agrees for this charge")]
    agreed_currency: Annotated[str | None, Meta(description="currency of the agreed price")]
    subscribed_on: Annotated[date, Meta(description="first day of the subscription")]
    day: Annotated[date, Meta(description="first day of the stretch of service; selects the rule in force")]
    complete: Annotated[
        bool,
        Meta(description="whether the stretch is over, so that minimums and true-ups apply; usage only, else true"),
    ] = True
    full_quantity: Annotated[
        Decimal | None,
        Meta(description="units before they were weighted by the time they were active; null where they are not"),
    ] = None
    windows: Annotated[
        tuple[Decimal, ...],
        Meta(description="quantities of the windows of the stretch, for rules that say per; empty for conditions"),
    ] = ()
    events: Annotated[
        tuple[Decimal, ...],
        Meta(description="quantities of the usage events, for methods that price each; empty for conditions"),
    ] = ()
    weights: Annotated[
        tuple[Decimal, ...],
        Meta(description="units of each of these events weighted by the time they were active"),
    ] = ()
    metered: Annotated[
        Mapping[str, Decimal],
        Meta(description="quantity of each meter, where the charge bills several; empty where it bills one"),
    ] = {}
    group: Annotated[
        Mapping[str, str],
        Meta(
            description="dimensions of the usage that is priced, by name, where the charge groups by them; without those"
            " that its events lack"
        ),
    ] = {}
    counted: Annotated[
        Decimal | None,
        Meta(description="money that other charges owe for the same days, for method true_up; null for conditions"),
    ] = None
    earlier: Annotated[
        Decimal | None,
        Meta(
            description="quantity of the window before the stretch, for cases of rules with window; null for conditions"
        ),
    ] = None
    months_since_start: Annotated[
        int,
        Meta(
            description="whole months from the first day of the subscription to that of the stretch", extra={"least": 0}
        ),
    ] = 0
    days_since_start: Annotated[
        int, Meta(description="days from the first day of the subscription to that of the stretch", extra={"least": 0})
    ] = 0
    cycle_number: Annotated[
        int,
        Meta(description="which cycle of the charge it is; the first is that of the first day", extra={"least": 1}),
    ] = 1
    contract_months: Annotated[
        int | None,
        Meta(
            description="whole months from the contract date to the first day of the stretch; null without a contract"
        ),
    ] = None
    index_factor: Annotated[
        Decimal | None,
        Meta(description="by how much a price that is indexed has risen; null for conditions, and for all others"),
    ] = None
    index_values: Annotated[str, Meta(description="the index values behind the factor; empty for conditions")] = ""
    discounts: Annotated[
        tuple[Discount, ...], Meta(description="what coupons take off, in order; empty for conditions")
    ] = ()
    subscription: Annotated[Subscribed, Meta(description="the subscription that is charged")] = UNATTRIBUTED
    contract: Annotated[Contracted, Meta(description="the contract of the subscription")] = UNCONTRACTED
    granted: Annotated[
        Decimal,
        Meta(
            description="units that cost nothing beyond the rule's own allowance: carried over from earlier cycles, or brought"
            " by other members of a pool; 0 for conditions",
            extra={"least": 0},
        ),
    ] = Decimal(0)


class Part(msgspec.Struct, frozen=True, gc=False):
    """A step of a price: ``quantity`` x ``unit`` + ``flat`` = ``amount``; ``tier`` counts from 1, 0 where there are none.

    ``step`` names what changed the quantity before the method (its amount is 0) or the amount after it (its amount is the
    difference); it is empty for a part that the method made.  ``meter`` is named by methods that price several meters one by one.
    """

    tier: int
    quantity: Decimal
    unit: Decimal
    flat: Decimal
    amount: Decimal
    step: str = ""
    meter: str = ""


class _Changed:
    """Facts of which only some are known, as rule cases give them, with others in the place of some."""

    def __init__(self, facts: Any, changed: Mapping[str, Any]) -> None:
        self._facts = facts
        self.__dict__.update(changed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_facts"], name)


def having(facts: Any, **changed: Any) -> Any:
    """The facts with some of them changed."""
    return msgspec.structs.replace(facts, **changed) if isinstance(facts, msgspec.Struct) else _Changed(facts, changed)


def times(amount: Decimal, share: Fraction) -> Decimal:
    """``amount`` x ``share`` in 50 digits; multiplied before it is divided, so that nothing is cut on the way."""
    if share is WHOLE or share == 1:
        return amount
    return CONTEXT.divide(amount * share.numerator, Decimal(share.denominator))


def in_currency(prices: Mapping[str, Decimal], facts: PricingFacts) -> Decimal:
    """The price of a price list in the account's currency.

    Raises:
        TollbookError: ``pricing.no-price-in-currency``.
    """
    try:
        return prices[facts.account.currency]
    except KeyError:
        raise refuse(
            NO_PRICE_IN_CURRENCY,
            f"no price in {facts.account.currency} for {facts.plan}/{facts.charge.key}, only in {', '.join(sorted(prices))}",
            mend="add a price in that currency to the rule, or change the account's currency",
        ) from None


def change(difference: Decimal, step: str) -> Part:
    """A part that changes the amount by a difference; ``step`` says why."""
    zero = Decimal(0)
    return Part(0, zero, zero, difference, difference, step)


def check_currencies(field: str, items: Sequence[Terms], prices: Sequence[str], word: str) -> Iterable[Flaw]:
    """Every price of every item of a list is there in every currency that one of them has."""
    lists = [(n, name, item[name]) for n, item in enumerate(items) for name in prices if name in item]
    known = {currency: (n, name) for n, name, amounts in reversed(lists) for currency in amounts}
    for n, name, amounts in lists:
        missing = sorted(known.keys() - amounts.keys())
        if missing:
            other, there = known[missing[0]]
            what = (
                f"the {name} of {word} {n + 1} has no price in {', '.join(missing)}, the {there} of {word} {other + 1}"
                " has one"
            )
            yield Flaw((field, n, name), what, f"price every {word} in the same currencies")
