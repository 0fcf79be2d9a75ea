"""Trouble on the way between an adapter and the system it calls, by name."""

from __future__ import annotations

from typing import Final, Literal, get_args

Trouble = Literal["timeout", "dup", "partial", "late", "garbage"]
"""``timeout``: the request arrives and no answer ever comes.  ``dup``: the request arrives twice.  ``partial``: the answer breaks
off half way.  ``late``: the answer comes after the time-out.  ``garbage``: the answer is none."""

TROUBLES: Final[tuple[Trouble, ...]] = get_args(Trouble)
EVERY: Final = "all"
"""Stands for all of them."""


def words(text: str) -> list[str]:
    """The troubles of a list with commas, as it was written; what ``all`` stands for is written out."""
    named = [word.strip() for word in text.split(",") if word.strip()]
    return [*TROUBLES] if EVERY in named else named
