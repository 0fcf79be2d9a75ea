"""The shape of the table of import files: columns and kinds of file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import msgspec


class Column(msgspec.Struct, frozen=True):
    """One column of a file.

    Attributes:
        name: as in the header.
        type: a name of :data:`TYPES`.
        meaning: one line for people.
        required: whether every row must have a value.
        default: the text that an empty value stands for; None where empty means absent.
        low, high: bounds of an integer or decimal, inclusive; ``high`` is the longest length of a text.
        before, after: most digits before and after the point of a decimal.
        choices: the values of a choice.
        refers: the file whose records the value names, empty if none; leading parts of that file's key are taken from
            the columns of the same names.
    """

    name: str
    type: str
    meaning: str
    required: bool = False
    default: str | None = None
    low: int | None = None
    high: int | None = None
    before: int = 12
    after: int = 6
    choices: tuple[str, ...] = ()
    refers: str = ""


class Wanted(Collection[str]):
    """Names of columns, and all that begin with a prefix."""

    def __init__(self, names: frozenset[str], prefix: str) -> None:
        self.names, self.prefix = names, prefix

    def __contains__(self, name: object) -> bool:
        return name in self.names or (bool(self.prefix) and isinstance(name, str) and name.startswith(self.prefix))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


class Format(msgspec.Struct, frozen=True):
    """One kind of file.

    Attributes:
        kind: the first part of the file name.
        noun: what one row is called.
        meaning: one line for people.
        columns: in the order of the reference page; files may have them in any order.
        key: names of the columns that identify a record within the tenant.
        appended: whether a record is never changed: the same key with another body is refused.
        fixed: names of the columns that never change, where others may.
        correction: how what never changes is corrected.
        folds: what further columns begin with that belong to the column ``dimensions``.
    """

    kind: str
    noun: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    appended: bool = False
    fixed: tuple[str, ...] = ()
    correction: str = ""
    folds: str = ""

    @property
    def wanted(self) -> Wanted:
        """Names of the columns, and of those that are folded."""
        return Wanted(self.names, self.folds)

    @property
    def names(self) -> frozenset[str]:
        """Names of the columns."""
        return frozenset(column.name for column in self.columns)


def key_column(
    name: str, meaning: str, refers: str = "", *, required: bool = True, default: str | None = None
) -> Column:
    """A column of a key: of the record itself, or of the one that ``refers`` names."""
    return Column(name, "key", meaning, required=required, default=default, refers=refers)


def if_version(what: str) -> Column:
    """The column in which the author of a row says which version of a record they have seen."""
    meaning = f"{what} its author had seen; refused where there are more now; empty: any"
    return Column("if_version", "integer", meaning, low=0, high=1_000_000)


ENTITY: Final = key_column("entity", "the legal entity that sells", "entities")
