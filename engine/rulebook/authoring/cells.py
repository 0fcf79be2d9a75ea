"""Conditions as cells of a decision table, as in DMN, and back.

A column stands for an expression, mostly a fact; a cell says what it has to be: nothing or ``-`` anything, ``5`` or ``"a"``
that value, ``a, b`` one of these, ``not(a)`` none of them, ``>= 5`` an order, ``[1..10]`` a range with both ends, ``(1..10)``
without them, ``null`` no value.  A text without quotes is the text; ``$name`` is a parameter or another fact.
What no cell can say stands as it is written in the column :data:`EXPRESSION`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from engine.rulebook.codegen import Node
from engine.rulebook.expression import Expression
from engine.rulebook.facttypes import FactType

EXPRESSION: Final = "(expression)"
"""The column whose cells are conditions as a rule file writes them."""
ANY: Final = ("", "-")

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WORD: Final = re.compile(r"[A-Za-zÀ-ɏ][\wÀ-ɏ .:/-]*")
_NAME: Final = re.compile(r"\$([A-Za-z_][\w.]*)")
_ORDER: Final = re.compile(r"(<=|>=|<|>)\s*(.+)")
_RANGE: Final = re.compile(r"([\[(])\s*(.+?)\s*\.\.\s*(.+?)\s*([\])])")
_RESERVED: Final = frozenset(("true", "false", "null", "not", "-"))
_LOW: Final[Mapping[str, str]] = {">=": "[", ">": "("}
_HIGH: Final[Mapping[str, str]] = {"<=": "]", "<": ")"}


class Unreadable(ValueError):
    """A cell that is none of the forms; its text says why, ``mend`` what to write."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def cells_of(condition: Expression | None) -> dict[str, str]:
    """The cells of a condition by column; parts that no cell can say are joined under :data:`EXPRESSION`."""
    if condition is None:
        return {}
    found: dict[str, str] = {}
    rest: list[str] = []
    orders: dict[str, list[tuple[str, str]]] = {}
    for part in condition.conjuncts():
        text = part.scope.text
        order = _order(part.node, text)
        if order is not None:
            orders.setdefault(order[0], []).append(order[1:])
            found.setdefault(order[0], "")
            continue
        column, cell = _cell(part.node, text)
        if cell is None or column in found:
            rest.append(part.text)
        else:
            found[column] = cell
    for column, bounds in orders.items():
        cell = _bounded(bounds)
        if cell is None or found[column]:
            rest += [f"{column} {sign} {_written(value)}" for sign, value in bounds]
            if not found[column]:
                del found[column]
        else:
            found[column] = cell
    if rest:
        found[EXPRESSION] = " and ".join(_joined(text) for text in rest)
    return found


def _joined(text: str) -> str:
    """A part as it may stand beside ``and``."""
    loose = re.search(r"\bor\b|\?|\band\b", text) and not _bracketed(text)
    return f"({text})" if loose else text


def _bracketed(text: str) -> bool:
    depth = 0
    for position, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and position < len(text) - 1:
            return False
    return text.startswith("(")


def _bounded(bounds: Sequence[tuple[str, str]]) -> str | None:
    """One bound, or two that make a range."""
    if len(bounds) == 1:
        return f"{bounds[0][0]} {bounds[0][1]}"
    signs = dict(bounds)
    low, high = signs.keys() & _LOW.keys(), signs.keys() & _HIGH.keys()
    if len(bounds) != 2 or not low or not high:
        return None
    below, above = low.pop(), high.pop()
    return f"{_LOW[below]}{signs[below]}..{signs[above]}{_HIGH[above]}"


def _order(node: Node, text: str) -> tuple[str, str, str] | None:
    """Column, sign and value of a comparison such as ``quantity >= 5``."""
    if node.kind != "order" or len(node.parts) != 2:
        return None
    value = _value(node.parts[1], text)
    column = _column(node.parts[0], text)
    return None if value is None or column is None else (column, str(node.value), value)


def _cell(node: Node, text: str) -> tuple[str, str | None]:
    """Column and cell of a part; None for the cell where no cell can say it."""
    inner, negated = node, False
    if node.kind == "not" and len(node.parts) == 1:
        inner, negated = node.parts[0], True
    if inner.kind in ("symbol", "attribute") and "&" not in text[inner.start : inner.end]:
        return text[inner.start : inner.end], "false" if negated else "true"
    if inner.kind == "equality" and not negated:
        column, value = _column(inner.parts[0], text), _value(inner.parts[1], text)
        if column is None or value is None:
            return "", None
        return column, value if inner.value == "==" else f"not({value})"
    if inner.kind == "contains" and inner.parts[0].kind == "list":
        column = _column(inner.parts[1], text)
        values = [_value(each, text) for each in inner.parts[0].parts]
        if column is None or None in values or not values:
            return "", None
        listed = ", ".join(str(value) for value in values)
        if negated:
            return column, f"not({listed})" if len(values) > 1 else None
        return column, listed if len(values) > 1 else None
    return "", None


def _column(node: Node, text: str) -> str | None:
    """The expression that a column stands for; None where it says nothing of facts, or reads otherwise beside a sign."""
    if node.kind in ("number", "string", "boolean", "null", "date", "list", "choice", "logic", "not"):
        return None
    written = text[node.start : node.end]
    return f"({written})" if node.kind == "coalesce" and not _bracketed(written) else written


def _value(node: Node, text: str) -> str | None:
    """A value of a condition as cells write it."""
    written = text[node.start : node.end]
    if node.kind in ("number", "minus"):
        return written if _NUMBER.fullmatch(written) else None
    if node.kind in ("boolean", "null"):
        return written
    if node.kind == "string":
        try:
            return quoted(ast.literal_eval(written.removeprefix("s")))
        except (SyntaxError, ValueError):
            return None
    if node.kind == "date":
        day = written[2:-1]
        return day if _DAY.fullmatch(day) else None
    if node.kind in ("symbol", "attribute") and re.fullmatch(r"[A-Za-z_][\w.]*", written):
        return f"${written}"
    return None


def quoted(text: str) -> str:
    """A text as a cell writes it: bare where it can be nothing else."""
    bare = _WORD.fullmatch(text) and text not in _RESERVED and text == text.strip() and ".." not in text
    return text if bare else json.dumps(text, ensure_ascii=False)


def parts_of(column: str, cell: str, fact: FactType | None) -> list[str]:
    """The parts of a condition that a cell says; ``fact`` is that of the column, where it is one.

    Raises:
        Unreadable: for a cell that is none of the forms.
    """
    cell = cell.strip()
    if cell in ANY:
        return []
    if column == EXPRESSION:
        return [_joined(cell)]
    order = _ORDER.fullmatch(cell)
    if order:
        return [f"{column} {order[1]} {_read(order[2], fact)}"]
    span = _RANGE.fullmatch(cell)
    if span:
        below = ">=" if span[1] == "[" else ">"
        above = "<=" if span[4] == "]" else "<"
        return [f"{column} {below} {_read(span[2], fact)}", f"{column} {above} {_read(span[3], fact)}"]
    negated = cell.startswith("not(") and cell.endswith(")")
    values = [_read(each, fact) for each in _split(cell[4:-1] if negated else cell)]
    if not negated and len(values) == 1 and values[0] in ("true", "false") and (fact is None or fact.kind == "boolean"):
        return [column if values[0] == "true" else f"not {column}"]
    if len(values) == 1:
        return [f"{column} {'!=' if negated else '=='} {values[0]}"]
    return [f"{column} {'not in' if negated else 'in'} [{', '.join(values)}]"]


def _split(text: str) -> list[str]:
    """What commas part, outside of quotes."""
    parts, inside, current, escaped = [], False, "", False
    for sign in text:
        if sign == "," and not inside:
            parts.append(current.strip())
            current = ""
            continue
        if sign == '"' and not escaped:
            inside = not inside
        escaped = sign == "\\" and not escaped
        current += sign
    if inside:
        raise Unreadable("a quote is not closed", 'write "text"')
    parts.append(current.strip())
    if "" in parts:
        raise Unreadable("a value is empty", "write a value between two commas")
    return parts


def _read(value: str, fact: FactType | None) -> str:
    """A value of a cell as conditions write it."""
    name = _NAME.fullmatch(value)
    if name:
        return name[1]
    kind = fact.kind if fact is not None else ""
    if value == "null":
        return value
    if value.startswith('"'):
        try:
            return _string(json.loads(value))
        except ValueError:
            raise Unreadable(f"{value} is no text", 'write "text", with \\" for a quote in it') from None
    if kind == "string":
        return _string(value)
    if kind == "number" and not _NUMBER.fullmatch(value):
        raise Unreadable(f"{value!r} is no number", "write digits with a point, such as 12.50; $name for a parameter")
    if _NUMBER.fullmatch(value) or (value in ("true", "false") and kind in ("", "boolean")):
        return value
    if _DAY.fullmatch(value):
        return f'd"{value}"'
    if kind in ("boolean", "date", "datetime"):
        forms = {"boolean": "true or false", "date": "a day such as 2026-01-31"}
        raise Unreadable(f"{value!r} is no {kind}", f"write {forms.get(kind, 'it in the column ' + EXPRESSION)}")
    if _WORD.fullmatch(value) and value not in _RESERVED:
        return _string(value)
    raise Unreadable(
        f"{value!r} is none of the forms of a cell", 'write a value, "a text", a, b, not(a), >= 5, [1..10], null or -'
    )


def _written(value: str) -> str:
    """A value of a cell as conditions write it, where its kind shows."""
    return value[1:] if value.startswith("$") else _read(value, None)


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def condition_of(cells: Iterable[tuple[str, str, FactType | None]]) -> list[str]:
    """The parts of the condition that cells say together, in the order of their columns.

    Raises:
        Unreadable: as :func:`parts_of`.
    """
    return [part for column, cell, fact in cells for part in parts_of(column, cell, fact)]
