"""Balances of the ledger by any dimension of what is behind its postings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, did_you_mean, refuse
from engine.base.money import ZERO
from engine.runs.run import Parts
from engine.store import balances
from engine.store.reader import Reader

UNKNOWN_DIMENSION = Code("ledger.unknown-dimension", "Something that postings cannot be added up by.")


class Balance(msgspec.Struct, frozen=True):
    """What postings of one ``key`` come to: a value for each dimension that was asked for."""

    key: tuple[str, ...]
    currency: str
    amount: Decimal
    functional_currency: str
    functional: Decimal


def dimensions(text: str) -> tuple[str, ...]:
    """The dimensions in words such as ``account,month``.

    Raises:
        TollbookError: ``ledger.unknown-dimension``.
    """
    wanted = tuple(part.strip() for part in text.split(",") if part.strip())
    known = tuple(balances.DIMENSIONS)
    for name in wanted:
        if name not in known:
            mend = did_you_mean(name, known) or f"name some of {', '.join(known)}"
            raise refuse(UNKNOWN_DIMENSION, f"postings cannot be added up by {name!r}", mend=mend)
    if not wanted or len(set(wanted)) < len(wanted):
        raise refuse(UNKNOWN_DIMENSION, f"{text!r} names no dimensions, or one twice", mend="such as account,month")
    return wanted


def totals(
    parts: Parts, reader: Reader, by: Sequence[str], first: date | None, last: date, entity: str = ""
) -> list[Balance]:
    """Sums of postings by some dimensions, in order; those that come to nothing in both currencies are left out."""
    return _added(parts, reader, by, balances.totals(reader, parts.tenant, by, first, last, entity))


def totals_of_book(
    parts: Parts, reader: Reader, by: Sequence[str], first: date | None, book: str, until: Mapping[str, date]
) -> list[Balance]:
    """The same of a further book, which is the leading one and its adjustments, by legal entity up to and with a day."""
    rows = (
        row
        for entity, last in until.items()
        for of in ("", book)
        for row in balances.totals(reader, parts.tenant, by, first, last, entity, of)
    )
    return _added(parts, reader, by, rows)


def _added(parts: Parts, reader: Reader, by: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> list[Balance]:
    sums: dict[tuple[Any, ...], list[Decimal]] = {}
    countries: dict[str, dict[str, str]] = {}
    for own, *values, currency, functional_currency, amount, functional in rows:
        if "country" in by and own not in countries:
            countries[own] = {k: one.country for k, one in reader.accounts(parts.tenant, own).items()}
        key = tuple(_shown(n, value, countries.get(own, {})) for n, value in zip(by, values, strict=True))
        there = sums.setdefault((key, currency, functional_currency), [ZERO, ZERO])
        there[0] += amount
        there[1] += functional
    return [
        Balance(key, currency, amount, own, functional)
        for (key, currency, own), (amount, functional) in sorted(sums.items())
        if amount or functional
    ]


def _shown(name: str, value: Any, countries: dict[str, str]) -> str:
    if name == "month":
        return f"{value:%Y-%m}"
    return countries.get(value, "") if name == "country" else str(value)
