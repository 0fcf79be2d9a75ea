"""The printable page of a document: words, numbers and days as the buyer writes them, in a sandboxed template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import jinja2
import msgspec
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.base import wording
from engine.base.document import parse
from engine.base.errors import Code, Where, refuse
from engine.base.wording import ENGLISH
from engine.ports.hookspecs.notice import Document, NoticeDocument, reader_of, words_of

BAD_TEMPLATE = Code("delivery-file.bad-template", "A template of the page that cannot be read or is not Jinja2.")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox; the fields of our frozen nouns are known to be safe, which halves the time of a page."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may see an attribute."""
        if isinstance(obj, msgspec.Struct):
            return not attr.startswith("_")
        return super().is_safe_attribute(obj, attr, value)


class Page:
    """Renders documents with one template, and letters with another.

    A template sees ``document`` (:class:`engine.ports.hookspecs.delivery.InvoiceDocument`), its ``currency``, ``lang``,
    ``text(label, …)`` for the words of ``texts.yaml``, and the filters of :data:`FILTERS`.
    """

    def __init__(self, template: Path, letter: Path, texts: Path) -> None:
        self._template, self._letter = template, letter
        self._texts: Mapping[str, Mapping[str, str]] = _labelled(texts.read_bytes(), str(texts))

    def check(self) -> None:
        """Read the template of documents now.  Raises TollbookError: ``delivery-file.bad-template``, with its line."""
        _ = self.template

    @cached_property
    def template(self) -> jinja2.Template:
        """The template of documents, compiled when it is first asked for: that takes 50 ms, and few commands make a page."""
        return self._read(self._template)

    @cached_property
    def letter(self) -> jinja2.Template:
        """The same of letters."""
        return self._read(self._letter)

    def _read(self, template: Path) -> jinja2.Template:
        try:
            return _compiled(template.read_text(encoding="utf-8"))
        except jinja2.TemplateSyntaxError as error:
            where = Where(str(template), error.lineno)
            raise refuse(BAD_TEMPLATE, f"the template is wrong: {error.message}", where=where) from None
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            where = Where(str(template))
            mend = "look at the setting 'template' of the adapter"
            raise refuse(BAD_TEMPLATE, f"the template cannot be read: {reason}", mend=mend, where=where) from None

    def render(self, document: Document) -> str:
        """The page of a document.  Raises jinja2.TemplateError where the template cannot show it."""
        reader = reader_of(document)
        locale = wording.locale_of(reader.language, reader.country)
        template = self.letter if isinstance(document, NoticeDocument) else self.template
        return template.render(
            document=document,
            lang=str(locale).replace("_", "-"),
            text=self._words(locale.language),
            locale=locale,
            currency=document.currency,
        )

    def _words(self, language: str) -> Callable[..., str]:
        def text(label: str, **filled: str) -> str:
            words = self._texts.get(label, {})
            found = words.get(language) or words.get(ENGLISH) or words_of(label, language)
            return (found or label).format(**filled)

        return text


def money(context: Mapping[str, Any], value: Decimal, currency: str = "") -> str:
    """An amount with the digits of its currency, or more where it has more: ``1.234,50``."""
    return wording.money(value, currency or context["currency"], context["locale"])


def cash(context: Mapping[str, Any], value: Decimal, currency: str = "") -> str:
    """An amount with its currency: ``1.234,50 EUR``."""
    return wording.cash(value, currency or context["currency"], context["locale"])


def number(context: Mapping[str, Any], value: Decimal) -> str:
    """A quantity or rate with the digits that it has, without zeros at its end."""
    return wording.number(value, context["locale"])


def percent(context: Mapping[str, Any], value: Decimal) -> str:
    """A share as a percentage: ``19 %``."""
    return wording.percent(value, context["locale"])


def day(context: Mapping[str, Any], value: date) -> str:
    """A day, of medium length."""
    return wording.day(value, context["locale"])


def last_day(context: Mapping[str, Any], value: date) -> str:
    """The last day of a period that ends before ``value``."""
    return wording.last_day(value, context["locale"])


FILTERS: Final[Mapping[str, Callable[..., str]]] = {
    "money": money,
    "cash": cash,
    "number": number,
    "percent": percent,
    "day": day,
    "last_day": last_day,
}
"""The filters of templates by name."""


@lru_cache(maxsize=8)
def _labelled(content: bytes, name: str) -> Any:
    """The words of a file of texts, by label and language."""
    return parse(content, name).data


@lru_cache(maxsize=8)
def _compiled(template: str) -> jinja2.Template:
    """A template of this text; compiling it takes longer than all else that makes the adapter."""
    environment = Sandbox(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),  # for what pages share
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: "" if value is None else value,
    )
    environment.filters.update(
        {name: jinja2.pass_context(filter) for name, filter in FILTERS.items()}  # one set for all languages
    )
    return environment.from_string(template)
