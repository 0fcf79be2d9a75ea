"""A rule file as a decision table in the layout of DMN, and a decision table as rules.

Above the table stand the keys of the file, one a row, and its parameters.  The table has two rows of heads: what a column
is (``rule``, ``condition``, ``outcome``, ``note``, ``priority``), and what it is about (``id``, an expression, a field of
``then``).  Each rule is a row.  Cells of conditions are those of :mod:`engine.rulebook.authoring.cells`, cells of outcomes
are values as the file writes them, with their units.  Comments and cases stay in the rule file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from engine.base.document import Document
from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.rulebook.authoring.cells import EXPRESSION, Unreadable, cells_of, condition_of
from engine.rulebook.authoring.flow import alike, flow, read_back
from engine.rulebook.authoring.sheets import Grid, address
from engine.rulebook.expression import Expression, compile_expression
from engine.rulebook.facttypes import FactType
from engine.rulebook.ruleset import RuleSet

NO_TABLE = Code("table.no-table", "A file without the heads of a decision table.")
BAD_HEAD = Code("table.bad-head", "A head of a decision table that is none of those that there are.")
BAD_CELL = Code("table.bad-cell", "A cell of a decision table that cannot be read as what its column is.")
NO_ID = Code("table.no-id", "A row of a decision table whose rule has no id, or one that stands twice.")
NOT_EXPRESSIBLE = Code("table.not-expressible", "A rule that no decision table can say exactly.")

KINDS: Final = ("rule", "condition", "outcome", "priority", "note")
SINGLE: Final = ("ruleset", "hit", "scope", "owner", "priority")
DATES: Final = ("effective.from", "effective.to")
PARAMETER: Final = "parameter"
_EMPTY: Final = object()


class Row(msgspec.Struct, frozen=True):
    """A rule of a decision table: its row, and the cells of its conditions, outcomes, priority and note."""

    row: int
    id: str
    parts: tuple[str, ...]
    then: Mapping[str, Any]
    rest: Mapping[str, Any]

    @property
    def when(self) -> str:
        """The condition, empty where the rule always applies."""
        return " and ".join(self.parts)


class Table(msgspec.Struct, frozen=True):
    """A decision table as it was read: keys of the file with their rows, parameters with theirs, and rules."""

    grid: Grid
    keys: Mapping[str, Any]
    key_rows: Mapping[str, int]
    parameters: Mapping[str, Mapping[str, Any]]
    rows: tuple[Row, ...]
    columns: Mapping[tuple[str, str], int]


def recompiled(text: str, ruleset: RuleSet, facts: FactType) -> Expression | None:
    """A condition with the parameters of a rule set; None where it is wrong."""
    constants = {name: each.value for name, each in ruleset.parameters.items()}
    where = Where(ruleset.file)
    try:
        return compile_expression(text, facts, constants, where, lambda _: where)
    except TollbookError:
        return None


def row_cells(when: Expression | None, ruleset: RuleSet, facts: FactType) -> dict[str, str]:
    """The cells of a condition; all of it under :data:`EXPRESSION` where the cells would say something else.

    Parts of a condition may lean on those before them, so a condition with a division is never taken apart, and what is
    put together again has to compile.
    """
    if when is None:
        return {}
    whole = {EXPRESSION: when.text}
    if any(sign in when.text for sign in ("/", "%")):
        return whole
    cells = cells_of(when)
    try:
        parts = condition_of((column, cell, facts.find(column)) for column, cell in _last(cells).items())
    except Unreadable:
        return whole
    again = recompiled(" and ".join(parts), ruleset, facts)
    return cells if again is not None and cells_of(again) == cells and again.names == when.names else whole


def _last(cells: Mapping[str, str]) -> dict[str, str]:
    """Cells with the expression behind all others, as tables hold it."""
    return dict(sorted(cells.items(), key=lambda item: item[0] == EXPRESSION))


def export_rows(ruleset: RuleSet, document: Document, facts: FactType) -> list[list[str]]:
    """The rows of the decision table of a rule file.

    Raises:
        TollbookError: ``table.not-expressible``.
    """
    data = document.data
    conditions = [row_cells(rule.when, ruleset, facts) for rule in ruleset.rules]
    columns = list(_last(dict.fromkeys(column for cells in conditions for column in cells)))  # type: ignore[arg-type]
    columns = [*(c for c in columns if c != EXPRESSION), *(c for c in columns if c == EXPRESSION)]
    outcomes = list(dict.fromkeys(field for rule in data["rules"] for field in rule["then"]))
    others = [key for key in ("priority", "note") if any(key in rule for rule in data["rules"])]
    rows = _keys(data)
    heads = [("rule", "id"), *(("condition", c) for c in columns), *(("outcome", o) for o in outcomes)]
    heads += [(key, key) for key in others]
    rows += [[kind for kind, _ in heads], [name for _, name in heads]]
    wrong = []
    for index, (rule, cells) in enumerate(zip(data["rules"], conditions, strict=True)):
        then = {field: flow_cell(value) for field, value in rule["then"].items()}
        for field, cell in then.items():
            if not alike(value_of(cell), rule["then"][field]):
                where = document.where(("rules", index, "then", field))
                what = f"the value of {field!r} of the rule {rule['id']!r} cannot stand in a cell"
                wrong.append(Finding(NOT_EXPRESSIBLE, where, what, mend="keep the rule out of tables"))
        row = [str(rule["id"]), *(cells.get(column, "-") for column in columns)]
        row += [then.get(field, "") for field in outcomes]
        rows.append([*row, *(flow_cell(rule[key]) if key in rule else "" for key in others)])
    if wrong:
        raise TollbookError(wrong)
    return rows


def _keys(data: Mapping[str, Any]) -> list[list[str]]:
    rows = [[key, flow_cell(data[key])] for key in SINGLE if key in data]
    effective = data.get("effective") or {}
    rows += [[f"effective.{key}", flow_cell(value)] for key, value in effective.items()]
    for name, parameter in (data.get("parameters") or {}).items():
        rows.append([PARAMETER, name, *(f"{key}={flow_cell(value)}" for key, value in parameter.items())])
    return [*rows, []]


def flow_cell(value: Any) -> str:
    """A value as the cell of an outcome: a text as it is where YAML reads it so, else as YAML in one line."""
    if isinstance(value, str) and "\n" not in value and value.strip() == value and value and value != "-":
        if read_back(value, _EMPTY) == value and not value.startswith(("#", "=", "+", "@")):
            return value
        if value.isprintable():
            return "'" + value.replace("'", "''") + "'"
    return flow(value)


def value_of(cell: str) -> Any:
    """What the cell of an outcome says.

    Raises:
        Unreadable: where it is no YAML.
    """
    value = read_back(cell, _EMPTY)
    if value is _EMPTY:
        raise Unreadable("the cell cannot be read", "put a text with signs such as : # [ { into 'single quotes'")
    return value


def read_table(grid: Grid, facts_of: Mapping[str, FactType]) -> Table:
    """A decision table; ``facts_of`` are the facts of each family.

    Raises:
        TollbookError: everything that is wrong with any cell, at its place.
    """
    head = next((n for n in range(len(grid.rows)) if grid.cell(n, 0) == "id" and n and grid.cell(n - 1, 0)), None)
    if head is None:
        mend = "`tollbook table export` shows the layout: a row of kinds, below it a row that begins with id"
        raise refuse(NO_TABLE, "the file has no heads of a decision table", mend=mend, where=Where(grid.file))
    findings: list[Finding] = []
    keys, key_rows, parameters = _read_keys(grid, head - 1, findings)
    columns = _heads(grid, head, findings)
    family = str(keys.get("ruleset", "")).partition("/")[0]
    if family not in facts_of:
        what = f"the table is of the rule set {keys.get('ruleset', '')!r}, which is of no family"
        findings.append(Finding(NO_TABLE, grid.where(0, 0), what, mend=did_you_mean(family, facts_of)))
        raise TollbookError(findings)
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for number in range(head + 1, len(grid.rows)):
        if not any(grid.cell(number, column) for column in columns.values()):
            continue
        name = grid.cell(number, 0)
        if not name or name in seen:
            what = f"cell {address(number, 0)}: " + (f"the id {name!r} stands twice" if name else "the rule has no id")
            findings.append(Finding(NO_ID, grid.where(number, 0), what, mend="give each rule a name of its own"))
            continue
        seen[name] = number
        rows.append(_row(grid, number, columns, facts_of[family], findings))
    if findings:
        raise TollbookError(sorted(findings, key=lambda finding: finding.where))
    return Table(grid, keys, key_rows, parameters, tuple(rows), columns)


def _read_keys(
    grid: Grid, end: int, findings: list[Finding]
) -> tuple[dict[str, Any], dict[str, int], dict[str, dict[str, Any]]]:
    keys: dict[str, Any] = {}
    places: dict[str, int] = {}
    parameters: dict[str, dict[str, Any]] = {}
    for number in range(end):
        key = grid.cell(number, 0)
        if not key:
            continue
        try:
            if key == PARAMETER:
                name = grid.cell(number, 1)
                pairs = [grid.cell(number, n).partition("=") for n in range(2, len(grid.rows[number]))]
                parameters[name] = {label.strip(): value_of(text) for label, _, text in pairs if label.strip()}
                places[f"{PARAMETER}.{name}"] = number
            elif key in (*SINGLE, *DATES):
                keys[key] = value_of(grid.cell(number, 1))
                places[key] = number
            else:
                what = f"cell {address(number, 0)}: {key!r} is no key of a rule file"
                mend = did_you_mean(key, (*SINGLE, *DATES, PARAMETER))
                findings.append(Finding(BAD_HEAD, grid.where(number, 0), what, mend=mend))
        except Unreadable as error:
            what = f"cell {address(number, 1)}: {error}"
            findings.append(Finding(BAD_CELL, grid.where(number, 1), what, mend=error.mend))
    return keys, places, parameters


def _heads(grid: Grid, head: int, findings: list[Finding]) -> dict[tuple[str, str], int]:
    """The column of each kind and name."""
    columns: dict[tuple[str, str], int] = {}
    for column in range(max(len(grid.rows[head]), len(grid.rows[head - 1]))):
        kind, name = grid.cell(head - 1, column), grid.cell(head, column)
        if not kind and not name:
            continue
        place = f"cell {address(head - 1, column)}"
        if kind not in KINDS:
            what = f"{place}: {kind!r} is no kind of column" if kind else f"{place}: the column {name!r} has no kind"
            mend = did_you_mean(kind, KINDS)
            findings.append(Finding(BAD_HEAD, grid.where(head - 1, column), what, mend=mend))
        elif not name or (kind, name) in columns:
            what = f"cell {address(head, column)}: " + (
                f"a second column {name!r}" if name else "the column has no name"
            )
            findings.append(Finding(BAD_HEAD, grid.where(head, column), what, mend="name each column once"))
        else:
            columns[kind, name] = column
    return columns


def _row(
    grid: Grid, number: int, columns: Mapping[tuple[str, str], int], facts: FactType, findings: list[Finding]
) -> Row:
    parts: list[str] = []
    behind: list[str] = []
    then: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for (kind, name), column in columns.items():
        cell = grid.cell(number, column)
        try:
            if kind == "condition":
                made = condition_of([(name, cell, facts.find(name))])
                (behind if name == EXPRESSION else parts).extend(made)
            elif kind == "outcome" and cell:
                then[name] = value_of(cell)
            elif kind in ("priority", "note") and cell:
                rest[kind] = value_of(cell)
        except Unreadable as error:
            what = f"cell {address(number, column)}, {name}: {error}"
            findings.append(Finding(BAD_CELL, grid.where(number, column), what, mend=error.mend))
    return Row(number, grid.cell(number, 0), (*parts, *behind), then, rest)


def written_rule(row: Row, indent: str = "  ", most: int = 116) -> tuple[list[str], dict[int, str]]:
    """The lines of a rule of a table, and for each line after which column group it is named: ``when`` or a field."""
    lines, about = [f"{indent}- id: {flow(row.id)}"], {0: "id"}
    inner = indent + "  "
    if row.when:
        about[len(lines)] = "when"
        lines.append(f"{inner}when: {flow(row.when)}")
    whole = f"{inner}then: {flow(dict(row.then))}"
    if len(whole) <= most:
        lines.append(whole)
        about[len(lines) - 1] = "then"
    else:
        lines.append(f"{inner}then:")
        about[len(lines) - 1] = "then"
        for field, value in row.then.items():
            about[len(lines)] = field
            lines.append(f"{inner}  {field}: {flow(value)}")
    for key, value in row.rest.items():
        about[len(lines)] = key
        lines.append(f"{inner}{key}: {flow(value)}")
    return lines, about


def written_file(table: Table, rules: Sequence[Row]) -> str:
    """A whole rule file of a table."""
    keys = table.keys
    lines = [f"ruleset: {flow(keys['ruleset'])}"]
    lines += [f"scope: {flow(keys['scope'])}"] if "scope" in keys else []
    effective = {key.partition(".")[2]: keys[key] for key in DATES if key in keys}
    lines += [f"effective: {flow(effective)}"] if effective else []
    lines += [f"{key}: {flow(keys[key])}" for key in ("owner", "hit", "priority") if key in keys]
    lines += ["parameters:"] if table.parameters else []
    lines += [f"  {name}: {flow(dict(each))}" for name, each in table.parameters.items()]
    lines.append("rules:")
    for row in rules:
        lines += written_rule(row)[0]
    return "\n".join(lines) + "\n"
