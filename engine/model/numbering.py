"""Legal numbers: how series, numbers, and what the law wants beside a number are written.

Every text here is a template of a rule; what it may name is said by the dictionaries below.  Nothing reads a clock or a
database: the books give the numbers, and the entry of a number is a moment that somebody hands in.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from engine.base.money import minor_digits

ASCENDING: Final = "ascending"
FREE: Final = "free"
"""Whether the dates of a series may never decrease with its numbers, or come as they come."""

FITTING: Final = ("format", "max_length", "length", "characters", "begins_with", "largest")
"""The terms of a rule that say what its numbers look like."""

CHAIN_NAMES: Final = ("date", "entered", "number", "series", "sequence", "total", "functional_total", "previous")
"""What the text of a chain may name."""


class Signer(msgspec.Struct, frozen=True):
    """Signs texts with a key that stays where it is; both functions are pure.

    ``sign(text)`` is the same signature each time; ``good(text, signature)`` says whether it was made with the same key.
    """

    sign: Callable[[str], str]
    good: Callable[[str, str], bool]


class Mark(msgspec.Struct, frozen=True):
    """What stands beside a legal number: a code of its series, and its link in a chain of signatures.

    ``text`` is what was signed and ``signature`` what came of it; both are empty where the series has no chain.
    ``entered`` is the moment of entry as the text has it; ``printed`` the characters of the signature that are printed.
    """

    code: str = ""
    signer: str = ""
    entered: str = ""
    text: str = ""
    signature: str = ""
    printed: str = ""


def fiscal_year(starts: int, day: date) -> int:
    """The calendar year in which the year of ``day`` ends, where years begin with the month ``starts``."""
    return day.year + (1 if starts > 1 and day.month >= starts else 0)


def series_values(
    entity: str, starts: int, kind: str, on: date, jurisdiction: str, country: str, currency: str
) -> dict[str, Any]:
    """What the name of a series may be made of."""
    ends = fiscal_year(starts, on)
    begins = ends - (1 if starts > 1 else 0)
    return {
        "entity": entity,
        "kind": kind,
        "jurisdiction": jurisdiction,
        "country": country,
        "currency": currency,
        "year": on.year,
        "yy": f"{on.year % 100:02}",
        "month": f"{on.month:02}",
        "fiscal_year": ends,
        "fiscal_yy": f"{ends % 100:02}",
        "fiscal_from": begins,
        "fiscal_from_yy": f"{begins % 100:02}",
    }


def legal_number(template: str, series: str, number: int, on: date) -> str:
    """The number as printed: ``{series}-{number:06}`` filled in."""
    return template.format(series=series, number=number, year=on.year)


@lru_cache(maxsize=1024)
def character_set(written: str) -> frozenset[str]:
    """The characters that ``A-Z0-9/-`` stands for: ranges and single ones; a hyphen at either end is itself."""
    found: set[str] = set()
    place = 0
    while place < len(written):
        if place + 2 < len(written) and written[place + 1] == "-":
            found.update(map(chr, range(ord(written[place]), ord(written[place + 2]) + 1)))
            place += 3
        else:
            found.add(written[place])
            place += 1
    return frozenset(found)


def number_flaw(terms: Mapping[str, Any], text: str) -> str:
    """What the law has against a number, as the terms of its rule say it; empty where nothing."""
    if len(text) > terms["max_length"]:
        return f"{text!r} has {len(text)} characters, more than max_length {terms['max_length']}"
    if terms["length"] and len(text) != terms["length"]:
        return f"{text!r} has {len(text)} characters, not the length {terms['length']}"
    if terms["characters"]:
        others = [one for one in text if one not in character_set(terms["characters"])]
        if others:
            return f"{text!r} has {others[0]!r}, which is none of the characters {terms['characters']}"
    if terms["begins_with"] and text[:1] not in character_set(terms["begins_with"]):
        return f"{text!r} begins with {text[:1]!r}, which is none of {terms['begins_with']}"
    return ""


def series_flaw(terms: Mapping[str, Any], series: str, on: date) -> str:
    """What the law has against the first or the last number that a series has room for; empty where nothing."""
    for number in (1, terms["largest"]):
        flaw = number_flaw(terms, legal_number(terms["format"], series, number, on))
        if flaw:
            return flaw
    return ""


def code_text(template: str, code: str, sequence: int) -> str:
    """The code of one document of a series: ``{code}-{number}`` filled in."""
    return template.format(code=code, number=sequence)


def chain_text(
    template: str,
    *,
    on: date,
    entered: str,
    number: str,
    series: str,
    sequence: int,
    totals: tuple[Decimal, str, Decimal, str],
    previous: str,
) -> str:
    """What is signed for one document.  ``totals`` are the total with its currency and that in the books' currency; both are
    written without their sign, as the kind of the document says it."""
    total, currency, functional, own = totals
    return template.format(
        date=on.isoformat(),
        entered=entered,
        number=number,
        series=series,
        sequence=sequence,
        total=f"{abs(total):.{minor_digits(currency)}f}",
        functional_total=f"{abs(functional):.{minor_digits(own)}f}",
        previous=previous,
    )


def entered_text(at: datetime, zone: str) -> str:
    """A moment as the text of a chain has it: local, to the second, without its offset."""
    return at.astimezone(ZoneInfo(zone)).replace(microsecond=0, tzinfo=None).isoformat()


def digest(text: str) -> str:
    """What stands for a signature where no key is wanted: the SHA-256 of the text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def printed_of(signature: str, places: Sequence[int]) -> str:
    """The characters of a signature that are printed; the first one is at place 1."""
    return "".join(signature[place - 1 : place] for place in places)


def names_in(template: str) -> set[str]:
    """The names in the braces of a template.

    Raises:
        ValueError: a template that cannot be read.
    """
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
