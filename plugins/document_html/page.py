"""The page of a document: a template in a sandbox, with words, numbers and days as the reader's language writes them."""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import jinja2
import msgspec
from babel import Locale
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.base import wording
from engine.base.document import parse
from engine.base.errors import Code, TollbookError, Where, did_you_mean, refuse
from engine.base.wording import ENGLISH
from engine.ports.hookspecs import delivery as nouns
from engine.ports.hookspecs.notice import Document, dated, reader_of, words_of

from .codes import codes_of

BAD_TEMPLATE = Code(
    "document-html.bad-template", "A template that is missing, is not Jinja2, or cannot show a document."
)
NO_ASSET = Code("document-html.no-asset", "A picture or font of a template that is not there, or not of a known kind.")

SUFFIX: Final = ".html"
TEXTS: Final = "texts.yaml"
LACKING: Final = re.compile(r"'engine\.ports\.hookspecs\.delivery\.(\w+) object' has no attribute '(\w+)'")
"""How the sandbox names a field that a document, or a part of it, does not have."""
PICTURES: Final = ("image/", "font/")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox; the fields of our frozen nouns are known to be safe, which halves the time of a page."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may see an attribute."""
        if isinstance(obj, msgspec.Struct):
            return not attr.startswith("_")
        return super().is_safe_attribute(obj, attr, value)


class Pages:
    """Renders documents with the templates of two folders, ``own`` before ``shipped``.

    A template sees ``document`` (:class:`engine.ports.hookspecs.delivery.InvoiceDocument`, or of letters
    :class:`engine.ports.hookspecs.notice.NoticeDocument`), its date as ``dated``, its ``currency``, ``lang`` and ``rtl``, ``text(label, …)`` for the words of ``texts.yaml``, ``asset(name)`` for a picture or font of the folders as an
    address that holds it, the QR ``codes`` of the layout, each with ``name`` and ``uri``, and the filters of :data:`FILTERS`.
    """

    def __init__(self, own: Path, shipped: Path) -> None:
        self._folders = (own, shipped)
        self._environment = Sandbox(
            loader=jinja2.FileSystemLoader([str(own), str(shipped)]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=lambda value: "" if value is None else value,
        )
        self._environment.filters.update({name: jinja2.pass_context(one) for name, one in FILTERS.items()})
        self._texts: dict[Path, tuple[float, Mapping[str, Mapping[str, str]]]] = {}

    def render(self, document: Document) -> str:
        """The page of a document.

        Raises:
            TollbookError: ``document-html.bad-template`` with file, line and reason, ``document-html.no-asset``.
        """
        reader = reader_of(document)
        locale = wording.locale_of(document.layout.language or reader.language, reader.country)
        name = document.layout.template + SUFFIX
        try:
            return self._environment.get_template(name).render(
                document=document,
                dated=dated(document),
                lang=str(locale).replace("_", "-"),
                rtl=locale.text_direction == "rtl",
                text=self._words(locale),
                asset=self._asset,
                locale=locale,
                currency=document.currency,
                codes=codes_of(document),
            )
        except TollbookError:
            raise
        except jinja2.TemplateNotFound as error:
            known = {one.removesuffix(SUFFIX) for one in self._environment.list_templates(["html"])}
            wanted = str(error.name).removesuffix(SUFFIX)
            what = f"there is no template {wanted!r}"
            where = Where(f"document/{document.number}")
            raise refuse(BAD_TEMPLATE, what, mend=did_you_mean(wanted, known), where=where) from None
        except jinja2.TemplateSyntaxError as error:
            where = Where(self._shown(error.filename), error.lineno)
            raise refuse(BAD_TEMPLATE, f"the template is wrong: {error.message}", where=where) from None
        except Exception as error:  # whatever a template does
            raise self._failed(document, error) from None

    def _failed(self, document: Document, error: Exception) -> TollbookError:
        """What went wrong while a document was shown, at the line of the template that was at work last."""
        where, step = Where(f"template {document.layout.template}"), error.__traceback__
        while step is not None:
            name = step.tb_frame.f_code.co_filename
            if name.endswith(SUFFIX):
                where = Where(self._shown(name), step.tb_lineno)
            step = step.tb_next
        barred = " (barred by the sandbox)" if isinstance(error, SecurityError) else ""
        said, mend = f"{type(error).__name__}: {error}{barred}", "correct the template, or the field that it names"
        if isinstance(error, jinja2.UndefinedError) and (named := LACKING.search(str(error))):
            fields = getattr(nouns, named[1]).__struct_fields__
            said, mend = f"{named[1]} has no field {named[2]!r}", did_you_mean(named[2], fields)
        return refuse(BAD_TEMPLATE, f"the template cannot show {document.number}: {said}", mend=mend, where=where)

    def _shown(self, name: str | None) -> str:
        """A file of a template below its folder, as people name it."""
        path = Path(name or "")
        for folder in self._folders:
            if path.is_relative_to(folder):
                return (folder.name / path.relative_to(folder)).as_posix()
        return path.name

    def _words(self, locale: Locale) -> Callable[..., str]:
        """Finds words in a language: of the folder of one's own first, in English where there are no others."""
        own, shipped = (self._read(folder / TEXTS) for folder in self._folders)

        def text(label: str, **filled: str) -> str:
            mine, given = own.get(label, {}), shipped.get(label, {})
            found = mine.get(locale.language) or given.get(locale.language) or mine.get(ENGLISH) or given.get(ENGLISH)
            return (found or words_of(label, locale.language) or label).format(**filled)

        return text

    def _read(self, path: Path) -> Mapping[str, Mapping[str, str]]:
        """A file of words, read again when it was edited; no words where there is none."""
        try:
            edited = path.stat().st_mtime
        except OSError:
            return {}
        known = self._texts.get(path)
        if known is None or known[0] != edited:
            known = self._texts[path] = (edited, parse(path.read_bytes(), str(path)).data or {})
        return known[1]

    def _asset(self, name: str) -> str:
        for folder in self._folders:
            path = folder / name
            if Path(name).name == name and path.is_file():
                return _embedded(path, path.stat().st_mtime)
        raise refuse(NO_ASSET, f"there is no file {name!r} beside the templates", where=Where(name))


@lru_cache(maxsize=64)
def _embedded(path: Path, edited: float) -> str:
    """A picture or font as an address that holds it.  Raises TollbookError: ``document-html.no-asset``."""
    kind, _ = mimetypes.guess_type(path.name)
    if kind is None or not kind.startswith(PICTURES):
        why = "pages hold pictures (svg, png, jpg) and fonts (ttf, otf, woff2)"
        raise refuse(NO_ASSET, f"{path.name!r} is neither a picture nor a font", why=why, where=Where(path.name))
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _isolated(written: Callable[..., str]) -> Callable[..., str]:
    """A filter whose text keeps its own direction, left to right, amid words that run the other way."""

    def filter(given: Mapping[str, Any], *values: Any) -> str:
        text = written(given, *values)
        return f"\N{LEFT-TO-RIGHT ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}" if given["rtl"] else text

    return filter


FILTERS: Final[Mapping[str, Callable[..., str]]] = {
    "money": _isolated(lambda given, value, unit="": wording.money(value, unit or given["currency"], given["locale"])),
    "cash": _isolated(lambda given, value, unit="": wording.cash(value, unit or given["currency"], given["locale"])),
    "number": _isolated(lambda given, value: wording.number(value, given["locale"])),
    "percent": _isolated(lambda given, value: wording.percent(value, given["locale"])),
    "isolated": lambda given, value: (
        f"\N{FIRST STRONG ISOLATE}{value}\N{POP DIRECTIONAL ISOLATE}" if given["rtl"] and value else value
    ),
    "day": lambda given, value: wording.day(value, given["locale"]),
    "last_day": lambda given, value: wording.last_day(value, given["locale"]),
    "country": lambda given, value: given["locale"].territories.get(value, value),
}
"""The filters of templates by name; ``unit`` is another currency than the document's.  ``isolated`` lets words run as their own first
letters do, amid words that run the other way: an address in Latin letters on an Arabic page."""
