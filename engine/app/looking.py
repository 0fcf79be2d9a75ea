"""Parts for those who only look, where there are no rules to be used."""

from __future__ import annotations

from typing import NoReturn, cast

from engine.base.errors import TollbookError
from engine.runs.run import Rules
from engine.store.books import Books
from engine.store.looked_at import LookedAt


class _NoRules:
    """Stands where a rule book would; whoever asks it anything is told why there is none."""

    def __init__(self, why: TollbookError) -> None:
        self._why = why

    def __getattr__(self, name: str) -> NoReturn:
        raise self._why


def looking(books: Books, why: TollbookError) -> tuple[Rules, Books]:
    """Rules and books of parts that can be looked through: what needs a rule, or writes, is refused with ``why``."""
    return cast(Rules, _NoRules(why)), LookedAt(books, why)
