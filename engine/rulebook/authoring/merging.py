"""A decision table laid into a rule file that exists: what did not change stays as it is, byte for byte.

Values that changed are replaced where they stand.  Rules that are new are written behind the one that the table has before
them; rules move with the comments above them.  Where a change would lose a comment inside of a value or a rule, nothing is
changed and the place is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.base.document import Document, Path
from engine.base.errors import Code, Finding, TollbookError
from engine.rulebook.authoring.cells import cells_of, condition_of
from engine.rulebook.authoring.flow import alike, flow
from engine.rulebook.authoring.sheets import address
from engine.rulebook.authoring.tables import DATES, PARAMETER, SINGLE, Row, Table, recompiled, row_cells, written_rule
from engine.rulebook.facttypes import FactType
from engine.rulebook.ruleset import RuleSet

WOULD_LOSE = Code("table.would-lose", "A change by a table that would lose a comment, or that a tool cannot make.")
MISSING_RULES = Code("table.missing-rules", "A table without some of the rules of the file that it is laid into.")


class Merged(msgspec.Struct, frozen=True):
    """A rule file with a table in it, and the ids of the rules that were added, changed, removed or moved."""

    text: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    moved: bool


class Merge:
    """One table on its way into one file."""

    def __init__(self, table: Table, document: Document, ruleset: RuleSet, facts: FactType) -> None:
        self.table, self.document, self.ruleset, self.facts = table, document, ruleset, facts
        self.text = document.text
        self.findings: list[Finding] = []
        self.edits: list[tuple[int, int, str]] = []
        self.data = document.data
        self.index = {str(rule["id"]): n for n, rule in enumerate(self.data["rules"])}
        self.changed: list[str] = []

    def run(self, prune: bool) -> Merged:
        """The file with the table in it; rules that the table has not are removed only if ``prune``.

        Raises:
            TollbookError: ``table.would-lose``, ``table.missing-rules``.
        """
        self._keys()
        rewritten: dict[str, str] = {}
        for row in self.table.rows:
            if row.id in self.index and self._differs(row):
                self.changed.append(row.id)
                if not self._replaced(row):
                    rewritten[row.id] = self._rewritten(row)
        names = [row.id for row in self.table.rows]
        removed = [name for name in self.index if name not in names]
        if removed and not prune:
            what = f"the table has not the rules {', '.join(removed)} of {self.document.file}"
            mend = "add them to the table, or say --prune to remove them from the file"
            self.findings.append(Finding(MISSING_RULES, self.table.grid.where(0, 0), what, mend=mend))
        added = [name for name in names if name not in self.index]
        stayed = [name for name in self.index if name in names]
        moved = stayed != [name for name in names if name in self.index]
        whole = rewritten or removed or added or moved
        if self.findings:
            raise TollbookError(self.findings)
        text = self._rearranged(names, rewritten) if whole else self._edited(0, len(self.text))
        return Merged(text, tuple(added), tuple(self.changed), tuple(removed), moved)

    def _lose(self, row: int, what: str, mend: str) -> None:
        place = f"row {row + 1}: " if row >= 0 else ""
        where = self.table.grid.where(max(row, 0), 0)
        self.findings.append(Finding(WOULD_LOSE, where, place + what, "nothing was changed", mend))

    def _keys(self) -> None:
        """Changed keys of the file and values of parameters."""
        table, declared = self.table, self.data.get("parameters") or {}
        old = {key: self.data[key] for key in SINGLE if key in self.data}
        old |= {f"effective.{key}": value for key, value in (self.data.get("effective") or {}).items()}
        for key in (*SINGLE, *DATES):
            if key in old and key in table.keys and not alike(old[key], table.keys[key]):
                self._replace(tuple(key.split(".")), table.keys[key], table.key_rows[key])
            elif (key in old) != (key in table.keys):
                row = table.key_rows.get(key, 0)
                self._lose(row, f"the key {key!r} stands in only one of table and file", "put it into both by hand")
        if declared.keys() != table.parameters.keys():
            odd = sorted(declared.keys() ^ table.parameters.keys())
            self._lose(
                0, f"the parameters {', '.join(odd)} stand in only one of table and file", "declare them in both"
            )
        for name in declared.keys() & table.parameters.keys():
            row = table.key_rows[f"{PARAMETER}.{name}"]
            one, other = declared[name], table.parameters[name]
            if one.keys() != other.keys():
                self._lose(row, f"the parameter {name!r} has other keys than in the file", "change it by hand")
                continue
            for key in one:
                if not alike(one[key], other[key]):
                    self._replace(("parameters", name, key), other[key], row)

    def _replace(self, path: Path, value: Any, row: int) -> None:
        """Replaces a value where it stands."""
        span = self.document.span(path)
        assert span is not None
        start, end = span
        written = self.text[start:end]
        kept = written.rstrip()
        if start == end:
            self._lose(row, f"{path[-1]!r} is empty in the file", "write a value there by hand")
        elif kept and "#" in kept and ("\n" in kept or kept[0] in "|>"):
            self._lose(row, f"the value of {path[-1]!r} has a comment inside", "change it by hand")
        else:
            self.edits.append((start, start + len(kept), flow(value)))

    def _old_when(self, name: str) -> list[str]:
        rule = next(rule for rule in self.ruleset.rules if rule.id == name)
        cells = row_cells(rule.when, self.ruleset, self.facts)
        return condition_of((column, cell, self.facts.find(column)) for column, cell in cells.items())

    def _same_when(self, row: Row) -> bool:
        if set(self._old_when(row.id)) == set(row.parts):
            return True
        rule = next(rule for rule in self.ruleset.rules if rule.id == row.id)
        again = recompiled(row.when, self.ruleset, self.facts) if row.when else None
        return again is not None and rule.when is not None and cells_of(again) == cells_of(rule.when)

    def _differs(self, row: Row) -> bool:
        old = self.data["rules"][self.index[row.id]]
        rest = {key: old[key] for key in ("priority", "note") if key in old}
        return not (self._same_when(row) and alike(old["then"], dict(row.then)) and alike(rest, dict(row.rest)))

    def _replaced(self, row: Row) -> bool:
        """Replaces single values of a rule; whether that was enough."""
        index = self.index[row.id]
        old = self.data["rules"][index]
        same_keys = old["then"].keys() == row.then.keys() and bool(old.get("when")) == bool(row.when)
        if not same_keys or {key for key in ("priority", "note") if key in old} != row.rest.keys():
            return False
        if not self._same_when(row):
            self._replace(("rules", index, "when"), row.when, row.row)
        for field, value in row.then.items():
            if not alike(old["then"][field], value):
                self._replace(("rules", index, "then", field), value, row.row)
        for key, value in row.rest.items():
            if not alike(old[key], value):
                self._replace(("rules", index, key), value, row.row)
        return True

    def _item(self, index: int) -> tuple[int, int]:
        """Where the text of a rule begins, behind its dash, and ends."""
        span = self.document.span(("rules", index))
        assert span is not None
        start, end = span
        lines = self.text[start:end].split("\n")
        while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
            lines.pop()
        return start, start + len("\n".join(lines))

    def _rewritten(self, row: Row) -> str:
        """A rule written anew, because it has other keys than before."""
        start, end = self._item(self.index[row.id])
        if "#" in self.text[start:end]:
            mend = "change it by hand, or move its comments above the rule"
            self._lose(row.row, f"the rule {row.id!r} gets other fields and has a comment inside", mend)
        return "\n".join(written_rule(row, self._indent())[0]) + "\n"

    def _indent(self) -> str:
        start, _ = self._item(0)
        line = self.text[self.text.rfind("\n", 0, start) + 1 : start]
        return line[: len(line) - len(line.lstrip(" "))]

    def _edited(self, start: int, end: int) -> str:
        """A stretch of the text with the edits in it made."""
        out, at = [], start
        for first, last, new in sorted(self.edits):
            if start <= first and last <= end:
                out += [self.text[at:first], new]
                at = last
        return "".join(out) + self.text[at:end]

    def _chunks(self) -> tuple[int, list[tuple[int, int, int]]]:
        """Where the rules begin, and of each the start of its comments, of its line, and its end with the end of the line."""
        out: list[tuple[int, int, int]] = []
        items = [self._item(index) for index in range(len(self.data["rules"]))]
        first = self.text.rfind("\n", 0, items[0][0]) + 1
        span = self.document.span(("rules",))
        assert span is not None
        top = self.text.rfind("\n", 0, span[0]) + 1
        while top > 0:
            above = self.text.rfind("\n", 0, top - 1) + 1
            if not self.text[above:top].lstrip().startswith("#"):
                break
            top = above
        begin = top if top < first else first
        for start, end in items:
            line = self.text.rfind("\n", 0, start) + 1
            stop = self.text.find("\n", end)
            stop = len(self.text) if stop < 0 else stop + 1
            out.append((begin, line, stop))
            begin = stop
        return out[0][0], out

    def _rearranged(self, names: Sequence[str], rewritten: Mapping[str, str]) -> str:
        """The text with its rules in the order of the table, some new, some gone; comments of rules that go stay."""
        if self.document.flowing(("rules",)):
            first = self.table.rows[0].row if self.table.rows else 0
            self._lose(first, "the rules of the file stand in brackets", "write them one a line, with dashes")
            raise TollbookError(self.findings)
        top, chunks = self._chunks()
        by_id = dict(zip(self.index, chunks, strict=True))
        rows = {row.id: row for row in self.table.rows}
        gone = {name: self.text[by_id[name][0] : by_id[name][1]] for name in self.index if name not in rows}
        orphans: dict[str, str] = {}
        kept = list(self.index)
        for name, comment in gone.items():
            after = next((other for other in kept[kept.index(name) + 1 :] if other in rows), "")
            orphans[after] = orphans.get(after, "") + comment
        out = [self._edited(0, top)]
        for name in names:
            if name not in by_id:
                out.append("\n".join(written_rule(rows[name], self._indent())[0]) + "\n")
                continue
            start, line, end = by_id[name]
            out += [orphans.get(name, ""), self.text[start:line]]
            body = rewritten.get(name) or self._edited(line, end)
            out.append(body if body.endswith("\n") else body + "\n")
        return "".join(out) + orphans.get("", "") + self._edited(chunks[-1][2], len(self.text))


def cell_of(table: Table, row: Row, about: str) -> tuple[int, int]:
    """The row and column of the cell that a line of a written rule is about."""
    columns = {name: column for (kind, name), column in table.columns.items() if kind != "condition"}
    first = next((column for (kind, _), column in table.columns.items() if kind == "condition"), 0)
    if about == "when":
        return row.row, first
    return row.row, columns.get(about, min((c for (k, _), c in table.columns.items() if k == "outcome"), default=0))


def named(table: Table, row: Row, about: str) -> str:
    """The cell of :func:`cell_of` in words."""
    return f"cell {address(*cell_of(table, row, about))}"
