"""Numbering: the legal number of an invoice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from engine.billing.numbering import NumberingFacts, fill_series
from engine.model.decision import Decision, Family, Flaw
from engine.model.numbering import (
    ASCENDING,
    CHAIN_NAMES,
    FREE,
    code_text,
    legal_number,
    names_in,
    number_flaw,
    series_values,
)

LARGEST = 999_999
"""The number of invoices in one series that a format has room for, where the rule names no other."""

_UNFILLABLE = (KeyError, IndexError, ValueError, AttributeError, TypeError)
_DAY: Final = date(2026, 1, 1)

SAMPLE: Final = series_values("ACME", 1, "invoice", _DAY, "DE", "FR", "EUR")
"""What a series is filled in with at load; the series of a real invoice is looked at when it is decided."""

_KNOWN: Final = "known: " + " ".join(f"{{{name}}}" for name in SAMPLE)


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """The templates must be fillable; the number must show series and sequence, and be as the law wants it from the first to the
    last."""
    template = terms["format"]
    try:
        series = terms["series"].format(**SAMPLE)
    except _UNFILLABLE as error:
        yield Flaw(("series",), f"{terms['series']!r} cannot be filled in ({error})", _KNOWN)
        return

    def written(ending: str = "", number: int = terms["largest"]) -> str:
        return legal_number(template, series + ending, number, _DAY)

    try:
        text, earlier = written(), written(number=terms["largest"] - 1)
        one, other = written("1"), written("2")
    except _UNFILLABLE as error:
        yield Flaw(("format",), f"{template!r} cannot be filled in ({error})", "known: {series} {number:06} {year}")
        return
    if text == earlier:
        yield Flaw(("format",), f"{template!r} has no {{number}}, or not the whole of it", "add {number:06}")
    if one == other:
        what = f"{template!r} has no {{series}}, or not the whole of it: two series could give one number"
        yield Flaw(("format",), what, "write {series} before the number, such as {series}-{number:06}")
    elif series != terms["series"] and written("1", 12) == written("11", 2):
        what = f"{template!r} runs series and number together: {written('1', 12)!r} could be number 12 or number 2"
        yield Flaw(("format",), what, "put a character that is no digit between them, or pad the number: {number:06}")
    flaw = number_flaw(terms, text) or number_flaw(terms, written(number=1))
    if flaw:
        yield Flaw(("format",), flaw, "shorten it" if "more than" in flaw else "write the format so that it fits")
    yield from _marks(terms)


def _marks(terms: Mapping[str, Any]) -> Iterator[Flaw]:
    """What is wrong with the code and the chain."""
    if terms["code"] is not None:
        try:
            shown = code_text(terms["code"], "CODE", 1), code_text(terms["code"], "CODE", 2)
        except _UNFILLABLE as error:
            yield Flaw(("code",), f"{terms['code']!r} cannot be filled in ({error})", "known: {code} {number}")
        else:
            if shown[0] == shown[1] or "CODE" not in shown[0]:
                yield Flaw(("code",), f"{terms['code']!r} lacks {{code}} or {{number}}", "write {code}-{number}")
    elif terms["codes"]:
        yield Flaw(("codes",), "there are codes that nothing shows", 'add code: "{code}-{number}", or leave codes out')
    if terms["chain"] is None:
        for name in ("signer", "printed"):
            if terms[name]:
                yield Flaw((name,), f"{name} is said of a chain that is not there", "add chain, or leave it out")
        return
    try:
        named = names_in(terms["chain"])
    except ValueError as error:
        yield Flaw(("chain",), f"{terms['chain']!r} cannot be filled in ({error})", _CHAIN_KNOWN)
        return
    others = sorted(named - set(CHAIN_NAMES))
    if others:
        yield Flaw(("chain",), f"{terms['chain']!r} names {others[0]!r}, which is not known", _CHAIN_KNOWN)
    for name in ("number", "previous"):
        if name not in named:
            what = f"{terms['chain']!r} has no {{{name}}}: a document could be taken out of the chain unseen"
            yield Flaw(("chain",), what, f"add {{{name}}}")


_CHAIN_KNOWN: Final = "known: " + " ".join(f"{{{name}}}" for name in CHAIN_NAMES)


def results(decision: Decision, facts: Any) -> Mapping[str, Any]:
    """For rule cases: ``first``, the number that the first invoice of the series would get; ``name`` of the series; the
    ``first_code``."""
    terms = decision.terms
    series = fill_series(terms["series"], facts, terms["year_starts"])
    found = {"first": legal_number(terms["format"], series, 1, facts.invoice_date), "name": series}
    if terms["code"] and series in terms["codes"]:
        found["first_code"] = code_text(terms["code"], terms["codes"][series], 1)
    return found


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", **more, "meta": {"description": description}}


def _whole(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "integer", **more, "meta": {"description": description}}


_OPTIONAL: Final = {"nullable": True, "default": None}

FAMILY = Family(
    name="numbering",
    doc="The series that an invoice is numbered in, and how the number is written.",
    facts=NumberingFacts,
    selected_by="invoice date",
    names={"signer": "adapter"},
    outcome={
        "series": _text(
            f"name of the gapless series, which begins at 1: text with {' '.join(f'{{{name}}}' for name in SAMPLE)}",
            required=True,
        ),
        "format": _text(
            "how the number is written: text with {series} and {number:06}, may have {year}",
            default="{series}-{number:06}",
        ),
        "year_starts": _whole(
            "month in which the year of {fiscal_year}, {fiscal_yy} and {fiscal_from} begins, where the law does not go by the "
            "fiscal year of the books",
            min=1,
            max=12,
            **_OPTIONAL,
        ),
        "max_length": _whole("longest number that the law allows", default=40, min=1, max=60),
        "length": _whole("length that every number has", min=1, max=60, **_OPTIONAL),
        "largest": _whole(
            "documents that a series has room for; the one after them is refused",
            default=LARGEST,
            min=2,
            max=999_999_999_999,
        ),
        "characters": _text(
            "characters that the law allows, such as A-Z0-9/-; any where it is empty", default="", maxlength=200
        ),
        "begins_with": _text(
            "characters that a number may begin with, such as A-Z1-9; any where it is empty", default="", maxlength=200
        ),
        "dates": _text(
            "ascending: a document is never dated before an earlier number of its series; free: it may be",
            default=ASCENDING,
            allowed=[ASCENDING, FREE],
        ),
        "code": _text("a code that is printed with the number: text with {code} and {number}", **_OPTIONAL),
        "codes": {
            "type": "dict",
            "default": {},
            "keysrules": {"type": "string", "empty": False},
            "valuesrules": {"type": "string", "empty": False},
            "meta": {
                "description": "the validation code that the authority gave each series, by the name of the series"
            },
        },
        "chain": _text(
            "what is signed for each document, so that none can be taken out or changed later: text with "
            + " ".join(f"{{{name}}}" for name in CHAIN_NAMES),
            **_OPTIONAL,
        ),
        "signer": _text(
            "name of the adapter of the port signing that signs the chain; its SHA-256 stands for a signature where there is none",
            **_OPTIONAL,
        ),
        "printed": {
            "type": "list",
            "default": [],
            "maxlength": 20,
            "schema": {"type": "integer", "min": 1, "max": 1000},
            "meta": {"description": "places of the characters of the signature that are printed; the first is 1"},
        },
    },
    results=results,
    check=check,
)
