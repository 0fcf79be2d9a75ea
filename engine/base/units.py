"""The kinds of value that files are written in beside YAML's own: prices, percents, days and so on.

A unit stands on every number that has one: ``0.10 USD``, ``19 %``, ``3 days``.  :data:`KINDS` is the one table of
kinds; each says in plain words what it expects, how to read it, and how an editor may check it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import msgspec

from engine.base.errors import TollbookError, did_you_mean
from engine.base.money import ROUNDING, minor_digits

MAX_PRICE_DIGITS: Final = 9
"""Digits after the point that a price may have; the books keep no more."""


class Unfit(ValueError):
    """A value that is not of a kind: ``what`` is wrong with it, in words that follow its key, and how to mend it."""

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend


class Kind(msgspec.Struct, frozen=True):
    """A kind of value.

    Attributes:
        words: what is expected, in words that follow "expected": ``a number of days such as 3 days``.
        read: the value made ready to use.  Raises :class:`Unfit`.
        schema: JSON Schema of the value as it is written.
        bound: how a message names a bound of it.
    """

    words: str
    read: Callable[[Any], Any]
    schema: Mapping[str, Any]
    bound: Callable[[Any], str] = str


def found(value: Any) -> str:
    """What a value of a YAML file is, in plain words: ``the text 'abc'``, ``the number 12``, ``a list``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value if len(value) <= 60 else value[:57] + '…'!r}"
    if isinstance(value, date):
        return f"the day {value}"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    return f"{value!r}"


_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,30}(\.[0-9]{1,30})?")
_PRICE: Final = re.compile(r"([-+]?[0-9]{1,18}(?:\.[0-9]{1,18})?) ?([A-Za-z]{3})")
_PERCENT: Final = re.compile(r"([-+]?[0-9]{1,18}(?:\.[0-9]{1,18})?) ?%")
_DAYS: Final = re.compile(r"([0-9]{1,6}) days?")
_MINUTES: Final = re.compile(r"([0-9]{1,6}) minutes?")
_SPAN: Final = re.compile(r"([0-9]{1,6}) (day|hour)s?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_decimal(value: Any) -> Decimal:
    """A Decimal of an integer, a Decimal or a text of digits."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise Unfit(f"is {found(value)}", "write digits with a point, such as 12.50")


def _one_price(value: Any) -> tuple[str, Decimal]:
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        raise Unfit(f"is {found(value)}, without a currency", f"write the currency behind it, such as {value} EUR")
    match = _PRICE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Unfit(f"is {found(value)}", "write the amount and the currency, such as 0.10 USD")
    amount, currency = Decimal(match[1]), match[2]
    try:
        minor_digits(currency.upper())
    except TollbookError as error:
        mend = error.findings[0].mend
        mend = mend if mend.startswith("did") else "use a code of ISO 4217, such as EUR"
        raise Unfit(f"names {currency!r}, which is not a currency", mend) from None
    if currency != currency.upper():
        raise Unfit(f"names {currency!r}, which is not a currency", f"did you mean {currency.upper()!r}?")
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MAX_PRICE_DIGITS:
        raise Unfit(f"has {-exponent} digits after the point", f"a price has at most {MAX_PRICE_DIGITS}")
    return currency, amount


def read_price(value: Any) -> dict[str, Decimal]:
    """``0.10 USD``, or a list of such with one amount a currency, as a mapping of currency to amount."""
    if not isinstance(value, list):
        currency, amount = _one_price(value)
        return {currency: amount}
    for item, after in pairwise(value):
        if isinstance(item, int) and not isinstance(item, bool) and isinstance(after, str) and _PRICE.fullmatch(after):
            raise Unfit(
                f"has the number {item} before {after}, so a comma may be meant as a point or to part thousands",
                "a comma parts the items of a list; write 0.100 EUR and 31000 JPY",
            )
    prices: dict[str, Decimal] = {}
    for item in value:
        currency, amount = _one_price(item)
        if currency in prices:
            raise Unfit(f"has two amounts in {currency}", "keep one amount a currency")
        prices[currency] = amount
    if not prices:
        raise Unfit("is an empty list", "write the amount and the currency, such as 0.10 USD")
    return prices


def read_percent(value: Any) -> Decimal:
    """``19 %`` as ``Decimal('0.19')``."""
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        bare = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
        meant = f"{value * 100:f}".rstrip("0").rstrip(".") if isinstance(value, Decimal) and 0 < value < 1 else value
        raise Unfit(f"is {found(value)}", f"write the sign behind it, such as {meant if bare else 19} %")
    return Decimal(match[1]).scaleb(-2)


def read_days(value: Any) -> int:
    """``3 days`` as 3."""
    match = _DAYS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        bare = isinstance(value, int) and not isinstance(value, bool)
        example = "1 day" if bare and value == 1 else f"{value if bare else 3} days"
        raise Unfit(f"is {found(value)}", f"write the unit behind it, such as {example}")
    return int(match[1])


class Span(int):
    """A length of time in hours; its text is as it is written: ``3 days`` where it is whole days, else ``6 hours``."""

    @property
    def whole_days(self) -> int | None:
        """How many days it is; None where it is not whole days."""
        days, hours = divmod(int(self), 24)
        return None if hours else days

    def __str__(self) -> str:
        days = self.whole_days
        number, unit = (int(self), "hour") if days is None else (days, "day")
        return f"{number} {unit}{'' if number == 1 else 's'}"


def read_span(value: Any) -> Span:
    """``3 days`` as 72 hours, ``6 hours`` as 6."""
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        number = value if isinstance(value, int) and not isinstance(value, bool) else 3
        raise Unfit(f"is {found(value)}", f"write the unit behind it, such as {number} days or {number} hours")
    return Span(int(match[1]) * (24 if match[2] == "day" else 1))


def read_minutes(value: Any) -> int:
    """``15 minutes`` as 15."""
    match = _MINUTES.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        bare = isinstance(value, int) and not isinstance(value, bool)
        raise Unfit(f"is {found(value)}", f"write the unit behind it, such as {value if bare else 15} minutes")
    return int(match[1])


def read_date(value: Any) -> date:
    """A day of the calendar, as YAML reads it or as a quoted text."""
    if isinstance(value, date):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise Unfit(f"is {value}, which the calendar does not have", "check month and day") from None
    raise Unfit(f"is {found(value)}", "write year, month and day, such as 2026-01-31")


def read_rounding(value: Any) -> str:
    """A name of :data:`engine.base.money.ROUNDING`."""
    if isinstance(value, str) and value in ROUNDING:
        return value
    raise Unfit(f"is {found(value)}", did_you_mean(str(value), ROUNDING))


def read_expression(value: Any) -> str:
    """A condition as text; ``true`` and ``false`` stand for themselves.  The rule book compiles it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.strip():
        return value
    raise Unfit(f"is {found(value)}", 'write a condition such as account.country == "DE"')


def read_formula(value: Any) -> str:
    """A formula as text; a number stands for itself.  The rule book compiles it."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value
    raise Unfit(f"is {found(value)}", "write a formula such as quantity * 0.05")


_PRICE_TEXT: Final = {"type": "string", "pattern": r"^[-+]?[0-9]+(\.[0-9]+)? ?[A-Z]{3}$"}

KINDS: Final[Mapping[str, Kind]] = {
    "price": Kind(
        "an amount with its currency such as 0.10 USD, or a list of them",
        read_price,
        {"anyOf": [_PRICE_TEXT, {"type": "array", "items": _PRICE_TEXT, "minItems": 1}]},
    ),
    "percent": Kind(
        "a percentage such as 19 %",
        read_percent,
        {"type": "string", "pattern": r"^[-+]?[0-9]+(\.[0-9]+)? ?%$"},
        lambda bound: f"{(Decimal(bound) * 100).normalize():f} %",
    ),
    "days": Kind(
        "a number of days such as 3 days",
        read_days,
        {"type": "string", "pattern": r"^[0-9]+ days?$"},
        lambda bound: f"{bound} days",
    ),
    "span": Kind(
        "a number of days or hours such as 6 hours",
        read_span,
        {"type": "string", "pattern": r"^[0-9]+ (day|hour)s?$"},
        lambda bound: str(Span(bound)),
    ),
    "minutes": Kind(
        "a number of minutes such as 15 minutes",
        read_minutes,
        {"type": "string", "pattern": r"^[0-9]+ minutes?$"},
        lambda bound: f"{bound} minutes",
    ),
    "decimal": Kind("a number", read_decimal, {"type": ["number", "string"], "pattern": r"^[-+]?[0-9]+(\.[0-9]+)?$"}),
    "date": Kind("a day such as 2026-01-31", read_date, {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}),
    "rounding": Kind("one of " + ", ".join(ROUNDING), read_rounding, {"enum": list(ROUNDING)}),
    "expression": Kind("a condition", read_expression, {"type": ["string", "boolean"], "minLength": 1}),
    "formula": Kind("a formula", read_formula, {"type": ["string", "number"], "minLength": 1}),
}
"""Every kind by the name that schemas use as ``type``, beside cerberus' string, integer, boolean, list and dict."""
