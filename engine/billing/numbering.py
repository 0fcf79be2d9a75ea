"""Which series a document is numbered in; the number itself is taken last, as the document is written."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from engine.base.errors import Code, refuse
from engine.model.account import Account
from engine.model.decision import Decision
from engine.model.entity import LegalEntity
from engine.model.invoice import InvoiceDraft, InvoiceLine
from engine.model.numbering import FITTING, series_flaw, series_values

DOES_NOT_FIT = Code(
    "numbering.does-not-fit", "A series in which numbers would be written as the law does not take them."
)
NO_CODE = Code("numbering.no-code", "A series that its rule has no validation code for.")


class NumberingFacts(msgspec.Struct, frozen=True, gc=False):
    """What a numbering rule may look at."""

    entity: Annotated[LegalEntity, Meta(description="the legal entity that issues the invoice")]
    kind: Annotated[
        str,
        Meta(
            description="invoice or credit_note; corrected_invoice, debit_note or advance_invoice where a rule says so"
        ),
    ]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 country of the buyer")]
    invoice_date: Annotated[date, Meta(description="date of the invoice; selects the rule in force")]
    jurisdiction: Annotated[
        str,
        Meta(
            description="ISO 3166-1 alpha-2 country whose law numbers the document: the one that all its lines are taxed in, if "
            "the seller is registered there, else the seller's own"
        ),
    ] = ""
    registered: Annotated[bool, Meta(description="whether the buyer has a tax registration number")] = False
    corrective: Annotated[
        bool, Meta(description="whether it gives back, in whole or in part, what an earlier document billed")
    ] = False
    currency: Annotated[str, Meta(description="ISO 4217 currency of the document")] = ""


def numbering_facts(
    entity: LegalEntity, payer: Account, draft: InvoiceDraft, lines: tuple[InvoiceLine, ...]
) -> NumberingFacts:
    """The facts of a draft whose lines are taxed."""
    return NumberingFacts(
        entity,
        draft.kind,
        payer.country,
        draft.invoice_date,
        _jurisdiction(entity, draft.tax_point, lines),
        payer.tax_id is not None,
        any(line.charge.credits for line in lines),
        draft.currency,
    )


def _jurisdiction(entity: LegalEntity, on: date, lines: tuple[InvoiceLine, ...]) -> str:
    taxed = {line.tax.jurisdiction[:2] for line in lines}
    if len(taxed) == 1:
        (country,) = taxed
        if any(one.country == country and one.valid_from <= on < one.valid_to for one in entity.registrations):
            return country
    return entity.country


def fill_series(template: str, facts: NumberingFacts, year_starts: int | None = None) -> str:
    """The name of a series: ``{entity}-{year}`` filled in for one document.  ``year_starts`` is the month in which the law's
    year begins, where that is not the fiscal year of the books."""
    entity = facts.entity
    key = entity.key if "{entity" in template else ""
    starts = year_starts or (entity.fiscal_year_start if "{fiscal" in template else 1)
    kind, *place = (getattr(facts, name) if f"{{{name}" in template else "" for name in _NAMED)
    return _filled(template, key, starts, kind, facts.invoice_date, *place)


_NAMED: Final = ("kind", "jurisdiction", "country", "currency")
"""Facts that are looked at only where the name of a series has them."""


@lru_cache(maxsize=4096)
def _filled(template: str, *values: Any) -> str:
    return template.format(**series_values(*values))


def series_of(decision: Decision, facts: NumberingFacts) -> str:
    """The series that a document is numbered in.

    Raises:
        TollbookError: ``numbering.does-not-fit``, ``numbering.no-code``.
    """
    terms = decision.terms
    series = fill_series(terms["series"], facts, terms["year_starts"])
    flaw = _flaw(series, facts.invoice_date, *(terms[name] for name in FITTING))
    if flaw:
        mend = "shorten the series or the format of the rule, or the key that goes into it"
        raise refuse(DOES_NOT_FIT, f"series {series}: {flaw}", mend=mend, where=decision.where)
    if terms["code"] and series not in terms["codes"]:
        what = f"the rule {decision.rule} has no code for the series {series}"
        why = "the authority gives a series its validation code before its first document"
        mend = f"have the series registered, then add {series!r} under codes"
        raise refuse(NO_CODE, what, why=why, mend=mend, where=decision.where)
    return series


@lru_cache(maxsize=4096)
def _flaw(series: str, on: date, *values: Any) -> str:
    return series_flaw(dict(zip(FITTING, values, strict=True)), series, on)
