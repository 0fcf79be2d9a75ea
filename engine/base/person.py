"""Names of people: when two of them mean one person."""

from __future__ import annotations

import unicodedata


def folded(name: str) -> str:
    """A name without what does not tell people apart: case, spaces, width and composition of its letters."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def same_person(one: str, other: str) -> bool:
    """Whether two names are those of one person."""
    return folded(one) == folded(other)
