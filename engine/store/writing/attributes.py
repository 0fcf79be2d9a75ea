"""Values of attributes that became known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from engine.store.attributes import values_of
from engine.store.bulk import Row
from engine.store.records import Outcome
from engine.store.tables import ATTRIBUTE_VALUE
from engine.store.writing.base import WriterBase


class AttributesWriter(WriterBase):
    """Writes values of attributes."""

    def put_attributes(self, rows: Sequence[Row]) -> Outcome:
        """Append values that differ from what is known for the same day.

        Rows are (tenant, entity, object, record, attribute, valid_from, value).  Their ids are taken in this transaction,
        so that whoever has read all up to an id will never find another one below it.
        """
        if not rows:
            return Outcome()
        fresh: list[Row] = []
        changed = 0
        with self._spoiling():
            first = self._ids_here(ATTRIBUTE_VALUE.name, len(rows))  # locks out other writers of values
            known = self._known_values(rows)
            for row in rows:
                key, value = row[:-1], row[-1]
                if key in known and known[key] == value:
                    continue
                changed += key in known
                known[key] = value
                fresh.append(row)
            self._insert(ATTRIBUTE_VALUE, [(first + i, *row) for i, row in enumerate(fresh)])
        if fresh:
            after = {"inserted": len(fresh), "from": first}
            self.audit("put attribute_value", ATTRIBUTE_VALUE.name, None, after, tenant=rows[0][0])
        return Outcome(len(fresh) - changed, changed, len(rows) - len(fresh))

    def _known_values(self, rows: Sequence[Row]) -> dict[tuple[Any, ...], str | None]:
        groups: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for row in rows:
            groups[row[:3]].add(row[3])
        known: dict[tuple[Any, ...], str | None] = {}
        for group, records in groups.items():
            for one in values_of(self.reader, *group, sorted(records), _ANY):
                known[(*group, one.record, one.attribute, one.valid_from)] = one.value
        return known


_ANY = (1 << 63) - 1
"""No id is above it."""
