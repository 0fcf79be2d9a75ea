"""Numbering: the legal number of an invoice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from engine.billing.invoicing import NumberingFacts, fill_series, legal_number
from engine.model.decision import Decision, Family, Flaw

LARGEST = 999_999
"""The number of invoices in one series that a format must have room for."""

_UNFILLABLE = (KeyError, IndexError, ValueError, AttributeError, TypeError)


SAMPLE: Final = {"entity": "ACME", "kind": "invoice", "year": 2026, "fiscal_year": 2026}
"""What a series is filled in with at load; the number of a real invoice is measured when it is given."""


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """Both templates must be fillable; the number must show series and sequence, and fit at its largest."""
    template = terms["format"]
    try:
        series = terms["series"].format(**SAMPLE)
    except _UNFILLABLE as error:
        yield Flaw(
            ("series",),
            f"{terms['series']!r} cannot be filled in ({error})",
            "known: {entity} {kind} {year} {fiscal_year}",
        )
        return

    def written(ending: str = "", number: int = LARGEST) -> str:
        return legal_number(template, series + ending, number, date(2026, 1, 1))

    try:
        text, earlier = written(), written(number=LARGEST - 1)
        one, other = written("1"), written("2")
    except _UNFILLABLE as error:
        yield Flaw(("format",), f"{template!r} cannot be filled in ({error})", "known: {series} {number:06} {year}")
        return
    if text == earlier:
        yield Flaw(("format",), f"{template!r} has no {{number}}, or not the whole of it", "add {number:06}")
    if one == other:
        what = f"{template!r} has no {{series}}, or not the whole of it: two series could give one number"
        yield Flaw(("format",), what, "write {series} before the number, such as {series}-{number:06}")
    if len(text) > terms["max_length"]:
        what = f"{text!r} has {len(text)} characters, more than max_length {terms['max_length']}"
        yield Flaw(("format",), what, "shorten it")


def results(decision: Decision, facts: Any) -> Mapping[str, Any]:
    """For rule cases: ``first``, the number that the first invoice of the series would get."""
    series = fill_series(decision.terms["series"], facts)
    return {"first": legal_number(decision.terms["format"], series, 1, facts.invoice_date)}


FAMILY = Family(
    name="numbering",
    doc="The series that an invoice is numbered in, and how the number is written.",
    facts=NumberingFacts,
    selected_by="invoice date",
    outcome={
        "series": {
            "type": "string",
            "required": True,
            "meta": {"description": "name of the gapless series: text with {entity} {kind} {year} {fiscal_year}"},
        },
        "format": {
            "type": "string",
            "default": "{series}-{number:06}",
            "meta": {"description": "how the number is written: text with {series} and {number:06}, may have {year}"},
        },
        "max_length": {
            "type": "integer",
            "default": 40,
            "min": 1,
            "max": 60,
            "meta": {"description": "longest number that the law allows"},
        },
    },
    results=results,
    check=check,
)
