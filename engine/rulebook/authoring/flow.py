"""Values as YAML of one line, written so that :func:`engine.base.document.parse` reads back exactly the same."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from engine.base.document import parse
from engine.base.errors import TollbookError


def flow(value: Any) -> str:
    """A value as it may stand anywhere in a rule file, inside of brackets too."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(str(key))}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, (int, Decimal)):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    return value.isoformat() if isinstance(value, date) else _text(str(value))


def _key(text: str) -> str:
    """A text as a key; one would be YAML's merge key without quotes."""
    return "'<<'" if text == "<<" else _text(text)


def _text(text: str) -> str:
    """A text as it is, or in quotes where YAML would take it for something else."""
    for written in (text, "'" + text.replace("'", "''") + "'"):
        if text.isprintable() and read_back(f"[{written}, 0]", None) == [text, 0]:
            return written
    return '"' + "".join(map(_sign, text)) + '"'


def _sign(sign: str) -> str:
    """A sign inside double quotes."""
    if sign in '"\\':
        return "\\" + sign
    return sign if sign.isprintable() else f"\\U{ord(sign):08x}"


def read_back(text: str, default: Any) -> Any:
    """What YAML reads of a text; ``default`` where it is none."""
    try:
        return parse(text, "").data
    except TollbookError:
        return default


def alike(one: object, other: object) -> bool:
    """Whether two values are written alike: 1.0 is not 1.00, and 1 is not true; order of keys does not count."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return type(one) is type(other) and str(one) == str(other)
