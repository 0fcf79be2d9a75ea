"""Books that are looked at while something forbids to write into them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from engine.base.errors import TollbookError
from engine.store.books import Books


class LookedAt(Books):
    """The books of another, over the same connections; whoever wants to write is told ``why`` not, and nothing is written."""

    _why: TollbookError

    def __init__(self, books: Books, why: TollbookError) -> None:
        self.__dict__ = {**books.__dict__, "_why": why}

    @contextmanager
    def _connect(self, write: bool, aside: bool = False) -> Iterator[sa.Connection]:
        if write:
            raise self._why
        with super()._connect(write, aside) as connection:
            yield connection
