"""The desk of control totals: what sources say they have counted comes in, and what is missing or differs is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Finding, Where
from engine.model.journal import Change
from engine.runs.billing.run import known_usage
from engine.runs.intake.arrivals import Row
from engine.runs.intake.formats import FORMATS
from engine.runs.intake.masters import DOUBLE_KEY
from engine.runs.intake.reading import Broken, json_cells, json_value
from engine.runs.intake.references import Known, resolve
from engine.runs.intake.rows import read_row, rules_of, subject_of
from engine.runs.intake.session import Good, Session, Source, Tally
from engine.runs.run import Parts, silent
from engine.runs.usage.control import look
from engine.runs.usage.ingest import Problem
from engine.store.books import Books

FORM: Final = FORMATS["usage_totals"]
_SOURCE: Final = Source(FORM, Path(), "", 0, "")


class Received(msgspec.Struct, frozen=True):
    """What became of control totals that came in: ``taken`` are new or have other numbers than before, ``known`` were there."""

    taken: int
    known: int
    problems: tuple[Problem, ...] = ()


class Lacking(msgspec.Struct, frozen=True):
    """A delivery that is overdue (``kind`` usage-missing), or a total that differs from what arrived (usage-total)."""

    entity: str
    source: str
    kind: str
    first_day: date
    until: date
    meter: str
    what: str


class ControlDesk:
    """What sources tell of what they have counted, and ask of what is missing."""

    def __init__(self, books: Books, tenant: str, parts: Callable[[], Parts]) -> None:
        """``parts`` are asked for only by what needs the rules."""
        self._books, self._tenant, self._parts = books, tenant, parts

    def rows(self, text: str) -> list[Row]:
        """Rows of a body in JSON: one total, or a list of them."""
        value = json_value(text, "body")
        if isinstance(value, Broken):
            return [value]
        found = value if isinstance(value, list) else [value]
        return [json_cells(one, "" if isinstance(one, dict) else str(one), "total") for one in found]

    def receive(self, rows: Iterable[Row], change: Change, sender: str = "") -> Received:
        """Put control totals into the books; rows are as those of the import file ``usage_totals``.

        One without a source is of the ``sender``.  A total that comes again with other numbers replaces the one before; the same
        again is known.
        """
        today = change.at.date()
        session, tally, rules = (
            Session(self._books, self._tenant, change, today, "", silent),
            Tally(_SOURCE),
            rules_of(FORM, today),
        )
        good: list[Good] = []
        for number, row in enumerate(rows, 1):
            where = Where("", number)
            if isinstance(row, Broken):
                tally.note([Finding(row.code, where, row.what, row.why, row.mend)])
                continue
            values, findings = read_row(rules, {**row, "source": row.get("source") or sender}, where)
            tally.note(findings)
            if values is not None:
                good.append(Good(values, where))
        good = _once(resolve(Known(session), FORM, good, tally, frozenset()), tally)
        taken = same = 0
        if good:
            with self._books.writer(change, 0, self._tenant) as writer:
                outcome = writer.put(FORM.kind, [row.values for row in good])
                taken, same = outcome.inserted + outcome.changed, outcome.same
        problems = (Problem(f.where.line, f.subject, "", f) for f in tally.findings)
        return Received(taken, same, tuple(problems))

    def lacking(self, on: date, change: Change, entity: str = "", source: str = "") -> list[Lacking]:
        """What a bill run of a day would find missing or different, of one source or of all; nothing is written but sums."""
        parts = self._parts()
        with self._books.writer(change) as writer:
            known_usage(parts, writer)
        with self._books.reader() as reader:
            found = [_lacking(one) for one in look(parts, reader, on).differences]
        return [one for one in found if entity in ("", one.entity) and source in ("", one.source)]


def _once(rows: Iterable[Good], tally: Tally) -> list[Good]:
    """The rows whose key comes for the first time, or again with the same values, which count once."""
    seen: dict[tuple[Any, ...], Good] = {}
    for row in rows:
        key = tuple(row.values[name] for name in FORM.key)
        first = seen.setdefault(key, row)
        if first.values != row.values:
            what = f"{FORM.noun} {'/'.join(map(str, key))} is there before with other values, at {first.where.line}"
            why, mend = "nobody knows which one counts", "keep one of them"
            tally.note([Finding(DOUBLE_KEY, row.where, what, why, mend, subject=subject_of(FORM, row.values))])
    return list(seen.values())


def _lacking(one: Any) -> Lacking:
    detail = one.detail
    days = (date.fromisoformat(detail["from"]), date.fromisoformat(detail["to"]))
    return Lacking(one.entity, detail["source"], one.kind, *days, detail.get("meter", ""), one.difference)
