"""Charges, meters and products that files name as plain words, held against the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.base.errors import Code, Finding, did_you_mean
from engine.runs.intake.rows import subject_of
from engine.runs.intake.session import Good, Session
from engine.runs.intake.shapes import Format

NOT_IN_CATALOGUE: Final = Code(
    "intake.not-in-catalogue", "A word for a charge, a meter or a product that the catalogue does not have."
)

_NAMED: Final = {
    "coupons": {"products": "product"},
    "milestones": {"charge": "charge"},
    "wallets": {"charges": "charge", "meters": "meter", "products": "product"},
}
"""Columns with such words, separated by semicolons, and what they are words for, by kind of file."""


def not_in_catalogue(session: Session, form: Format, rows: Sequence[Good]) -> list[Finding]:
    """Words that are not in the catalogue.  Their rows are loaded: what they name may come later; until then nothing comes of it."""
    words = [
        (row, noun, word)
        for row in rows
        for column, noun in _NAMED.get(form.kind, {}).items()
        for word in filter(None, map(str.strip, (row.values[column] or "").split(";")))
    ]
    if not words:
        return []
    with session.books.reader() as reader:
        charges = [charge for plan in reader.catalogue(session.tenant).values() for charge in plan.charges]
        there = {
            "charge": {charge.key for charge in charges},
            "meter": set(reader.meters(session.tenant)),
            "product": {charge.product for charge in charges},
        }
    return [
        Finding(
            NOT_IN_CATALOGUE,
            row.where,
            f"no {noun} {word!r} is in the catalogue",
            "nothing comes of it until there is one",
            did_you_mean(word, sorted(there[noun])),
            "warning",
            subject_of(form, row.values),
        )
        for row, noun, word in words
        if word not in there[noun]
    ]
