"""Reads lines that were billed, by subscription and end of service, with the credits on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from engine.model.due import counted_from
from engine.model.invoice import BilledLine, RatedCharge
from engine.store import tables
from engine.store.query import Query, among, for_each, pair_parameters, pairs
from engine.store.reading.base import MastersReader

_LINE_NAMES = ("tax_amount", "id", *RatedCharge.__struct_fields__)


def _line(tax: Decimal, ident: int, *values: Any) -> BilledLine:
    return BilledLine(ident, RatedCharge(*values).priced(tax))


def _lines(dialect: str, table: sa.Table = tables.INVOICE_LINE) -> sa.Select[Any]:
    window, ids, days = pairs(dialect, "windows")
    open_ = (table.c.subscription_id == ids, table.c.service_to > days)
    joined, found = for_each(dialect, window, table, _LINE_NAMES, *open_)
    return sa.select(*found.values()).select_from(joined).order_by(found["id"])


def _credits(dialect: str, table: sa.Table = tables.INVOICE_LINE) -> sa.Select[Any]:
    given: sa.ColumnElement[bool] = sa.literal_column(f"{table.name}.credits <> 0")
    return (
        sa.select(*(table.c[name] for name in _LINE_NAMES))
        .where(among(dialect, table.c.credits, "lines"), given)
        .order_by(table.c.id)
    )


_LINES = Query(_lines, _line)
_CREDITS = Query(_credits, _line)
_OLD_LINES = Query(partial(_lines, table=tables.OPENING_LINE), _line)
_OLD_CREDITS = Query(partial(_credits, table=tables.OPENING_LINE), _line)


class BilledReader(MastersReader):
    """Reads billed lines of ours and of the old system."""

    def billed_since(self, windows: Mapping[int, date], old: Sequence[int] = ()) -> dict[int, list[BilledLine]]:
        """Our lines that share a day with the windows, and the credits on them and on the ``old`` lines.

        Of usage that a window cuts, also the lines of its charge that share a day with the whole of what is cut.
        """
        billed: dict[int, list[BilledLine]] = defaultdict(list)
        for line in self._with_credits(_LINES, _CREDITS, windows, old):
            billed[line.charge.subscription_id].append(line)
        looked: dict[int, dict[str, date]] = {ident: {} for ident in billed}
        further = self._further(billed, windows, looked)
        while further:
            self._extend(billed, further)
            for ident, days in further.items():
                looked[ident].update(days)
            further = self._further(billed, windows, looked)
        return billed

    def old_lines(self, windows: Mapping[int, date]) -> list[BilledLine]:
        """Lines of the old system that share a day with the windows, and the credits on them that it gave, in order of id."""
        return self._with_credits(_OLD_LINES, _OLD_CREDITS, windows, ())

    def _further(
        self,
        billed: Mapping[int, Sequence[BilledLine]],
        windows: Mapping[int, date],
        looked: Mapping[int, Mapping[str, date]],
    ) -> dict[int, dict[str, date]]:
        """By subscription and charge, the day from which lines of usage are wanted beyond those ``looked`` for."""
        found = {
            ident: counted_from((line.charge for line in lines), windows[ident], looked[ident])
            for ident, lines in billed.items()
        }
        return {ident: days for ident, days in found.items() if days}

    def _extend(self, billed: Mapping[int, list[BilledLine]], since: Mapping[int, Mapping[str, date]]) -> None:
        """Adds the lines of usage that end after a day, by subscription and charge, and the credits on them."""
        there = {line.id for ident in since for line in billed[ident]}
        windows = {ident: min(days.values()) for ident, days in since.items()}
        for line in self._with_credits(_LINES, _CREDITS, windows, ()):
            charge = line.charge
            first = since[charge.subscription_id].get(charge.charge) if charge.kind == "usage" else None
            if line.id not in there and first is not None and (charge.service_to > first or charge.credits in there):
                there.add(line.id)
                billed[charge.subscription_id].append(line)
        for ident in since:
            billed[ident].sort(key=attrgetter("id"))

    def _with_credits(
        self, found: Query, credits: Query, windows: Mapping[int, date], more: Sequence[int]
    ) -> list[BilledLine]:
        """Lines by window, with the credits on them and on the lines ``more``, in order of id."""
        parameters = pair_parameters(self.dialect, "windows", list(windows.items()))
        lines: list[BilledLine] = found(self.connection, parameters)
        there = {line.id for line in lines}
        credited = sorted(there.union(more))
        if credited:
            given: list[BilledLine] = credits(self.connection, {"lines": credited})
            lines.extend(line for line in given if line.id not in there)
        return sorted(lines, key=attrgetter("id"))
