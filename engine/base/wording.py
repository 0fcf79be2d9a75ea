"""Amounts, numbers, shares and days as a language writes them in a country, for what people read.

Each function is made once for a locale and remembers what costs: a page of an invoice has hundreds of them.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import NumberPattern, parse_pattern

from engine.base.money import minor_digits

ENGLISH: Final = "en"
_REMEMBERED: Final = 10_000


@cache
def locale_of(language: str, country: str) -> Locale:
    """The locale of a language in a country: ``de`` in CH writes 1’234.50.  English where the language is not known."""
    for name in (f"{language}_{country}", language, ENGLISH):
        try:
            return Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            continue
    raise AssertionError("babel knows English")


def money(value: Decimal, currency: str, locale: Locale) -> str:
    """An amount with the digits of its currency, or more where it has more: ``1.234,50``."""
    digits = minor_digits(currency)
    return _number(value, locale, digits, max(digits, _places(value)))


def cash(value: Decimal, currency: str, locale: Locale) -> str:
    """An amount with its currency: ``1.234,50 EUR``."""
    return f"{money(value, currency, locale)}\N{NO-BREAK SPACE}{currency}"


def number(value: Decimal, locale: Locale) -> str:
    """A quantity or rate with the digits that it has, without zeros at its end."""
    return _number(value, locale, 0, _places(value.normalize()))


@lru_cache(maxsize=_REMEMBERED)
def percent(value: Decimal, locale: Locale) -> str:
    """A share as a percentage: ``19 %`` of 0.19."""
    value = value.normalize()
    pattern = parse_pattern(locale.percent_formats[None].pattern)
    pattern.frac_prec = (0, max(_places(value) - 2, 0))
    text: str = pattern.apply(value, locale)
    return text


@lru_cache(maxsize=_REMEMBERED)
def day(value: date, locale: Locale) -> str:
    """A day, of medium length."""
    return format_date(value, "medium", locale=locale)


def last_day(value: date, locale: Locale) -> str:
    """The last day of a period that ends before ``value``."""
    return day(value - timedelta(days=1), locale)


@cache
def _pattern(locale: Locale, fewest: int, most: int) -> NumberPattern:
    pattern = parse_pattern(locale.decimal_formats[None].pattern)
    pattern.frac_prec = (fewest, most)
    return pattern


@lru_cache(maxsize=_REMEMBERED)
def _number(value: Decimal, locale: Locale, fewest: int, most: int) -> str:
    text: str = _pattern(locale, fewest, most).apply(value, locale)
    return text


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0
