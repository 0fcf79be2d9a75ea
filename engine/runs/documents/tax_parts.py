"""The taxes that the tax of a document is made of, such as CGST and SGST, where those who quoted it named them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine.base.money import ZERO, minor_digits, split
from engine.store.reader import Reader

Found = Mapping[int, Mapping[str, Any]]
Detail = Mapping[str, Any]
_KEY = ("tax_category", "tax_rate", "tax_jurisdiction", "tax_reason")
_NAMED = ("name", "jurisdiction", "level", "rate")


def with_tax_parts(reader: Reader, documents: Found) -> dict[int, dict[str, Any]]:
    """Documents by id, as the books give them, with ``parts`` in each row of ``taxes``: name, jurisdiction, level, rate, and the tax.

    What a line gives back has the parts of the line that it gives back.  A row of which some tax has no parts has none, so that the
    parts always add up to the tax.
    """
    ids = {ident for one in documents.values() for line in one["lines"] for ident in (line["id"], line["credits"])}
    known = reader.tax_details(sorted(ids - {0}))
    if not known:
        return {ident: dict(one) for ident, one in documents.items()}
    return {ident: {**one, "taxes": _taxes(one, known)} for ident, one in documents.items()}


def _taxes(found: Mapping[str, Any], known: Mapping[int, Sequence[Detail]]) -> list[dict[str, Any]]:
    currency = found["invoice"]["currency"]
    sums: dict[tuple[Any, ...], dict[tuple[Any, ...], Decimal]] = {}
    for line in found["lines"]:
        mine = sums.setdefault(tuple(line[name] for name in _KEY), {})
        for named, amount in _of_line(line, known, currency):
            mine[named] = mine.get(named, ZERO) + amount
    made = []
    for tax in found["taxes"]:
        parts = sums.get((tax["category"], tax["rate"], tax["jurisdiction"], tax["reason"]), {})
        whole = parts and sum(parts.values(), ZERO) == tax["tax"]
        told = [{**dict(zip(_NAMED, named, strict=True)), "tax": amount} for named, amount in parts.items()]
        made.append({**tax, "parts": told if whole else []})
    return made


def _of_line(
    line: Mapping[str, Any], known: Mapping[int, Sequence[Detail]], currency: str
) -> Iterable[tuple[tuple[Any, ...], Decimal]]:
    details = known.get(line["id"]) or known.get(line["credits"]) or ()
    if not sum((one["rate"] for one in details), ZERO):
        return ()
    amounts: Sequence[Decimal] = [one["amount"] for one in details]
    if sum(amounts, ZERO) != line["tax_amount"]:
        amounts = shared(line["tax_amount"], details, currency)
    return [(tuple(one[name] for name in _NAMED), amount) for one, amount in zip(details, amounts, strict=True)]


def shared(tax: Decimal, parts: Iterable[Detail], currency: str) -> tuple[Decimal, ...]:
    """A tax in parts by their rates."""
    return split(tax, [Decimal(one["rate"]) for one in parts], currency)


def rendered(parts: Iterable[Detail], currency: str) -> list[dict[str, str]]:
    """Parts as documents carry them: texts."""
    return [
        {
            **{name: part[name] for name in ("name", "jurisdiction", "level")},
            "rate": f"{part['rate'].normalize():f}",
            "tax": f"{part['tax']:.{minor_digits(currency)}f}",
        }
        for part in parts
    ]
