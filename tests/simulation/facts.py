"""What a simulated company is made of: plain facts, as they stand in import files and price lists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

ALWAYS = date(2020, 1, 1)
"""The day from which the first price list is in force."""

DIGITS = {"EUR": 2, "USD": 2, "GBP": 2, "AUD": 2, "BRL": 2, "JPY": 0, "KWD": 3}
"""Digits after the point of the currencies that the simulation uses (ISO 4217)."""

WORTH = {"EUR": "1", "USD": "1.1", "GBP": "0.9", "AUD": "1.7", "BRL": "6", "JPY": "160", "KWD": "0.3"}
"""About what one euro is worth; only so that price lists look alike."""


@dataclass(frozen=True)
class Entity:
    """A legal entity; ``group_by`` is what its invoicing rule says."""

    key: str
    country: str
    functional: str
    zone: str
    group_by: str


@dataclass(frozen=True)
class Account:
    """A customer; ``payer`` is its own key where it pays for itself."""

    entity: str
    key: str
    country: str
    currency: str
    zone: str
    payer: str
    segment: str


@dataclass(frozen=True)
class Charge:
    """A charge of a plan.  ``proration`` is the method that the proration rules choose for its plan; ``only`` the region whose
    usage alone counts, empty for any."""

    plan: str
    key: str
    kind: str
    timing: str
    months: int
    meter: str
    tax_code: str
    proration: str
    only: str = ""


@dataclass(frozen=True)
class Meter:
    """How usage adds up; ``only`` is the region whose events it counts, empty for any."""

    key: str
    aggregation: str
    only: str = ""


@dataclass(frozen=True)
class Lateness:
    """What a rule says of late usage of a charge: days that its bill waits, what becomes of what comes after it, from how many days
    after its end on it is dropped, and under which amount (euros, None: none)."""

    charge: str
    grace: int
    policy: str
    gone_after: int
    drop_under: Decimal | None


@dataclass(frozen=True)
class Tier:
    """A tier of a price: in euros, for the units up to ``up_to`` (None: no end)."""

    up_to: Decimal | None
    unit: Decimal | None
    flat: Decimal | None


@dataclass(frozen=True)
class Price:
    """A price of the price list, in euros; :func:`in_currency` says what it is elsewhere.  ``divide``: units are counted by so
    many, a started one as a whole; ``steps``: what is done to the money in order, (discount, share) or (minimum, maximum or
    commitment, euros), ``overage`` what the money above a commitment is multiplied with; ``ramp``: phases from the first day of the subscription on, (days or months, how many, share that is paid); after them all is paid."""

    method: str
    rounding: str = "half_up"
    unit: Decimal = Decimal(0)
    included: Decimal = Decimal(0)
    size: Decimal = Decimal(1)
    tiers: tuple[Tier, ...] = ()
    zero_usage: str = "nothing"
    divide: int = 1
    steps: tuple[tuple[str, Decimal], ...] = ()
    overage: Decimal = Decimal(1)
    ramp: tuple[tuple[str, int, Decimal], ...] = ()


def in_currency(euros: Decimal, currency: str) -> Decimal:
    """A price of the list in a currency; prices have more digits than amounts."""
    return (euros * Decimal(WORTH[currency])).normalize()


@dataclass(frozen=True)
class Era:
    """A price list in force from a day on: prices by (plan, charge, segment), segment empty for everybody else."""

    on: date
    prices: dict[tuple[str, str, str], Price]


@dataclass(frozen=True)
class Agreed:
    """A price that a contract agrees from a day on (None: always)."""

    entity: str
    contract: str
    plan: str
    charge: str
    unit: Decimal
    currency: str
    on: date | None


@dataclass(frozen=True)
class Contract:
    """A contract of an account."""

    entity: str
    key: str
    account: str
    days: int


@dataclass(frozen=True)
class Subscription:
    """A subscription."""

    entity: str
    key: str
    account: str
    contract: str
    anchor: int


@dataclass(frozen=True)
class Event:
    """A dated event of a subscription."""

    entity: str
    subscription: str
    key: str
    kind: str
    on: date
    plan: str | None = None
    quantity: Decimal | None = None


@dataclass(frozen=True)
class Coupon:
    """What takes something off: a ``percent``, or an ``amount`` of a ``currency`` in each cycle; for so many ``cycles`` (0: for good),
    off the charges with these keys (none: all), beside others if it is ``combinable``, to the first ``most`` that ask (0: to all),
    if it is redeemed before ``until``."""

    key: str
    percent: Decimal
    amount: Decimal
    currency: str
    cycles: int
    charges: tuple[str, ...]
    combinable: bool
    most: int
    until: date | None


@dataclass(frozen=True)
class Redemption:
    """A subscription has a coupon from a day on."""

    entity: str
    subscription: str
    key: str
    coupon: Coupon
    on: date


@dataclass(frozen=True)
class Usage:
    """Something used at an instant (in UTC), where and by whom if that is known."""

    entity: str
    subscription: str
    meter: str
    key: str
    at: datetime
    quantity: Decimal
    region: str = ""
    user: str = ""


@dataclass(frozen=True)
class Reversal:
    """A usage event that its source takes back."""

    entity: str
    subscription: str
    key: str


@dataclass(frozen=True)
class Catalogue:
    """What is sold, and how meters add up."""

    charges: tuple[Charge, ...]
    meters: dict[str, Meter]

    def of(self, plan: str, kind: str) -> list[Charge]:
        """The charges of one kind of a plan."""
        return [c for c in self.charges if c.plan == plan and c.kind == kind]


@dataclass(frozen=True)
class Rate:
    """A published exchange rate: one ``base`` costs ``value`` of ``quote``."""

    base: str
    quote: str
    value: Decimal
    on: date
