"""The printable page of a document: words, numbers and days as the buyer writes them, in a sandboxed template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import jinja2
import msgspec
from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import NumberPattern, parse_pattern
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.base.document import parse
from engine.base.errors import Code, Where, refuse
from engine.base.money import minor_digits
from engine.ports.hookspecs.delivery import InvoiceDocument

BAD_TEMPLATE = Code("delivery-file.bad-template", "A template of the page that cannot be read or is not Jinja2.")

ENGLISH: Final = "en"


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox; the fields of our frozen nouns are known to be safe, which halves the time of a page."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may see an attribute."""
        if isinstance(obj, msgspec.Struct):
            return not attr.startswith("_")
        return super().is_safe_attribute(obj, attr, value)


class Page:
    """Renders documents with one template.

    A template sees ``document`` (:class:`engine.ports.hookspecs.delivery.InvoiceDocument`), its ``currency``, ``lang``,
    ``text(label, …)`` for the words of ``texts.yaml``, and the filters of :data:`FILTERS`.
    """

    def __init__(self, template: Path, texts: Path) -> None:
        """Raises TollbookError: ``delivery-file.bad-template``, with its line."""
        self._texts: Mapping[str, Mapping[str, str]] = parse(texts.read_bytes(), str(texts)).data
        self._environment = Sandbox(
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=lambda value: "" if value is None else value,
        )
        self._environment.filters.update(
            {name: jinja2.pass_context(filter) for name, filter in FILTERS.items()}  # one set for all languages
        )
        try:
            self._template = self._environment.from_string(template.read_text(encoding="utf-8"))
        except jinja2.TemplateSyntaxError as error:
            where = Where(str(template), error.lineno)
            raise refuse(BAD_TEMPLATE, f"the template is wrong: {error.message}", where=where) from None
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            where = Where(str(template))
            mend = "look at the setting 'template' of the adapter"
            raise refuse(BAD_TEMPLATE, f"the template cannot be read: {reason}", mend=mend, where=where) from None

    def render(self, document: InvoiceDocument) -> str:
        """The page of a document.  Raises jinja2.TemplateError where the template cannot show it."""
        locale = locale_of(document.buyer.language, document.buyer.country)
        return self._template.render(
            document=document,
            lang=str(locale).replace("_", "-"),
            text=self._words(locale.language),
            locale=locale,
            currency=document.currency,
        )

    def _words(self, language: str) -> Callable[..., str]:
        def text(label: str, **filled: str) -> str:
            words = self._texts.get(label, {})
            return (words.get(language) or words.get(ENGLISH) or label).format(**filled)

        return text


@cache
def locale_of(language: str, country: str) -> Locale:
    """The locale of a language in a country: ``de`` in CH writes 1’234.50.  English where the language is not known."""
    for name in (f"{language}_{country}", language, ENGLISH):
        try:
            return Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            continue
    raise AssertionError("babel knows English")


@cache
def _pattern(locale: Locale, fewest: int, most: int) -> NumberPattern:
    pattern = parse_pattern(locale.decimal_formats[None].pattern)
    pattern.frac_prec = (fewest, most)
    return pattern


def _number(value: Decimal, locale: Locale, fewest: int, most: int) -> str:
    text: str = _pattern(locale, fewest, most).apply(value, locale)
    return text


@lru_cache(maxsize=10_000)
def _day(value: date, locale: Locale) -> str:
    return format_date(value, "medium", locale=locale)


@lru_cache(maxsize=10_000)
def _share(value: Decimal, locale: Locale) -> str:
    pattern = parse_pattern(locale.percent_formats[None].pattern)
    pattern.frac_prec = (0, max(_places(value) - 2, 0))
    text: str = pattern.apply(value, locale)
    return text


def money(context: Mapping[str, Any], value: Decimal, currency: str = "") -> str:
    """An amount with the digits of its currency, or more where it has more: ``1.234,50``."""
    digits = minor_digits(currency or context["currency"])
    return _number(value, context["locale"], digits, max(digits, _places(value)))


def cash(context: Mapping[str, Any], value: Decimal, currency: str = "") -> str:
    """An amount with its currency: ``1.234,50 EUR``."""
    return f"{money(context, value, currency)}\N{NO-BREAK SPACE}{currency or context['currency']}"


def number(context: Mapping[str, Any], value: Decimal) -> str:
    """A quantity or rate with the digits that it has, without zeros at its end."""
    return _number(value, context["locale"], 0, _places(value.normalize()))


def percent(context: Mapping[str, Any], value: Decimal) -> str:
    """A share as a percentage: ``19 %``."""
    return _share(value.normalize(), context["locale"])


def day(context: Mapping[str, Any], value: date) -> str:
    """A day, of medium length."""
    return _day(value, context["locale"])


def last_day(context: Mapping[str, Any], value: date) -> str:
    """The last day of a period that ends before ``value``."""
    return _day(value - timedelta(days=1), context["locale"])


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


FILTERS: Final[Mapping[str, Callable[..., str]]] = {
    "money": money,
    "cash": cash,
    "number": number,
    "percent": percent,
    "day": day,
    "last_day": last_day,
}
"""The filters of templates by name."""
