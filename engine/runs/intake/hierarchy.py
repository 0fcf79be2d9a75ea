"""Parents and payers of accounts: whether they exist, and whether a family of accounts has a head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.base.errors import Code, Finding
from engine.runs.intake.formats import FORMATS
from engine.runs.intake.references import Known, unknown
from engine.runs.intake.rows import subject_of
from engine.runs.intake.session import Good

PARENT_CYCLE = Code("intake.parent-cycle", "An account that is above itself.")

Key = tuple[str, str]
Ties = dict[Key, tuple[str | None, str]]
"""(legal entity, account) -> (parent, payer)."""

_FORM = FORMATS["accounts"]
_COLUMNS = {column.name: column for column in _FORM.columns}


class Family:
    """The accounts of an import with what they name, judged together with those of the books."""

    def __init__(self, known: Known, ties: Ties) -> None:
        self.known, self.ties = known, ties
        self.cycles: dict[Key, tuple[str, ...]] = {}
        self.missing: set[Key] = set()
        self._asked = set(self._named())
        self._stored = dict(known.find("accounts", self._asked))
        self._judge()

    def flaws(self, row: Good) -> list[Finding]:
        """What is wrong with the parent and the payer of a row; nothing where all is well."""
        key = (row.values["entity"], row.values["key"])
        if key in self.cycles:
            path = " -> ".join(self.cycles[key])
            what = f"account {key[1]!r} is above itself: {path}"
            why, mend = "a family of accounts has a head", "leave the parent of the highest one empty"
            return [Finding(PARENT_CYCLE, row.where, what, why, mend, subject=subject_of(_FORM, row.values))]
        if key not in self.missing:
            return []
        bad = [name for name in ("parent", "payer") if not self._there((key[0], row.values[name] or key[1]), key)]
        return [unknown(self.known, _FORM, _COLUMNS[name], row, self.ties) for name in bad]

    def _named(self) -> Iterable[Key]:
        """Keys whose records in the books matter: the accounts themselves, and what they name."""
        for (entity, key), (parent, payer) in self.ties.items():
            yield entity, key
            yield entity, payer
            if parent:
                yield entity, parent

    def _there(self, key: Key, owner: Key) -> bool:
        """Whether an account can be named by another: it is in the books, comes and is good, or is the other itself."""
        comes = key in self.ties and key not in self.missing and key not in self.cycles
        return comes or key == owner or key in self._stored

    def _judge(self) -> None:
        """Find the cycles, then the accounts that name what will not be there, and again until nothing changes."""
        while True:
            found = self._find_cycles()
            self.cycles |= found
            lost = {
                key
                for key, (parent, payer) in self.ties.items()
                if key not in self.missing and key not in self.cycles
                if not self._there((key[0], payer), key) or (parent and not self._there((key[0], parent), key))
            }
            self.missing |= lost
            if not found and not lost:
                return

    def _parent(self, key: Key) -> Key | None:
        """The account above, as it will be."""
        if key in self.ties and key not in self.missing and key not in self.cycles:
            parent = self.ties[key][0]
        else:
            record = self._record(key)
            parent = record["parent"] if record else None
        return (key[0], parent) if parent else None

    def _record(self, key: Key) -> Mapping[str, Any] | None:
        """The account as the books have it."""
        if key not in self._asked:
            self._asked.add(key)
            record = self.known.find("accounts", [key]).get(key)
            if record:
                self._stored[key] = record
        return self._stored.get(key)

    def _find_cycles(self) -> dict[Key, tuple[str, ...]]:
        """Accounts of the import that are above themselves, each with the path from itself to itself."""
        cycles: dict[Key, tuple[str, ...]] = {}
        settled: set[Key] = set()
        for start in self.ties:
            path: list[Key] = []
            place: dict[Key, int] = {}
            key: Key | None = start
            while key is not None and key not in settled and key not in place:
                place[key] = len(path)
                path.append(key)
                key = self._parent(key)
            if key is not None and key in place:
                ring = path[place[key] :]
                for i, member in enumerate(ring):
                    if member in self.ties and member not in self.cycles:
                        cycles[member] = tuple(name for _, name in [*ring[i:], *ring[: i + 1]])
            settled.update(path)
        return cycles
