"""Dimensions of usage events: from cells and JSON to the one text that the books keep, in two steps.

A row alone tells which names and texts there are; the meter that it names tells what they are (:func:`settled`).  Kept is
JSON with sorted keys: numbers and booleans as such where the meter declares them, texts otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

import msgspec

from engine.base.errors import Code, did_you_mean
from engine.base.units import Unfit
from engine.model.measure import KINDS

UNDECLARED = Code("usage.undeclared-dimension", "Usage with a dimension that its meter does not declare.")
BAD_DIMENSION = Code("usage.bad-dimension", "Usage with a dimension that is not of the kind that its meter declares.")

COLUMN: Final = "dimensions"
PREFIX: Final = "dim."
"""What columns begin with that hold one dimension each."""
MOST: Final = 20
"""Dimensions of one event."""
NAME_LENGTH: Final = 50
VALUE_LENGTH: Final = 100
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BANNED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][-+]?[0-9]{1,2})?")
_BOOLEANS: Final = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}
_BEFORE, _AFTER = 9, 6


class Settled(msgspec.Struct, frozen=True):
    """Dimensions as the books keep them, the names that the meter does not declare, and what is wrong."""

    text: str | None
    undeclared: tuple[str, ...] = ()
    flaw: Unfit | None = None


def read(text: str) -> str | None:
    """The texts of a JSON object, as JSON with sorted keys; None where there are none.  Raises Unfit."""
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise Unfit("is not a JSON object", 'write {"region": "EU"}') from None
    if not isinstance(pairs, _Pairs):
        raise Unfit("is not a JSON object", 'write {"region": "EU"}')
    held: dict[str, str] = {}
    for name, value in pairs:
        if name in held:
            raise Unfit(f"names {name!r} twice", "keep one of them")
        if value is not None and value != "":
            held[_name(name)] = _value(name, value)
    if len(held) > MOST:
        raise Unfit(f"has {len(held)} dimensions", f"keep it within {MOST}")
    return _written({name: json.dumps(value, ensure_ascii=False) for name, value in held.items()})


class _Pairs(list[tuple[str, Any]]):
    """The members of an object, double ones too."""


def _name(name: str) -> str:
    if len(name) > NAME_LENGTH or not _NAME.fullmatch(name):
        what = f"has a dimension called {name[:60]!r}"
        raise Unfit(
            what, f"names are of letters, digits and _, do not begin with a digit, and have {NAME_LENGTH} at most"
        )
    return name


def _value(name: str, value: Any) -> str:
    if isinstance(value, list):  # of pairs, too
        raise Unfit(f"has a list or an object as {name}", "a dimension has one value")
    text = ("true" if value else "false") if isinstance(value, bool) else str(value).strip()
    if len(text) > VALUE_LENGTH:
        raise Unfit(f"has {len(text)} characters in {name}", f"keep it within {VALUE_LENGTH}")
    found = _BANNED.search(text)
    if found:
        raise Unfit(f"has the character U+{ord(found[0]):04X} in {name}", "take it out")
    return text


def _written(values: Mapping[str, str]) -> str | None:
    """JSON of values that are JSON."""
    return "{" + ",".join(f'"{name}":{values[name]}' for name in sorted(values)) + "}" if values else None


def fold(row: dict[str, str]) -> None:
    """Put the cells of columns such as ``dim.region`` into the column ``dimensions``."""
    spread = [name for name in row if name.startswith(PREFIX)]
    if not spread:
        return
    members = [f"{json.dumps(name[len(PREFIX) :])}:{json.dumps(cell)}" for name in spread if (cell := row.pop(name))]
    there = (row.get(COLUMN) or "").strip()
    inside = there[1:-1].strip() if there.startswith("{") and there.endswith("}") else there
    if members:
        row[COLUMN] = "{" + ",".join([*([inside] if inside else []), *members]) + "}"


def declared(text: str) -> dict[str, str]:
    """The kinds of dimensions by name, of ``region:text;size:number``.  Raises Unfit."""
    kinds: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(";"))):
        name, _, kind = (part.strip() for part in item.partition(":"))
        if kind not in KINDS:
            raise Unfit(f"declares {item!r}", f"write name:kind, where kind is one of {', '.join(KINDS)}")
        if name in kinds:
            raise Unfit(f"declares {name!r} twice", "keep one of them")
        kinds[_name(name)] = kind
    if len(kinds) > MOST:
        raise Unfit(f"declares {len(kinds)} dimensions", f"keep it within {MOST}")
    return kinds


@lru_cache(maxsize=20_000)
def settled(text: str, declaration: str | None, others: str) -> Settled:
    """Dimensions as :func:`read` gives them, as a meter declares them; ``others`` is what it says of those that it does not
    name, which matters only where it declares some."""
    kinds = _kinds(declaration or "")
    held = {name: _value(name, value) for name, value in json.loads(text, parse_float=str, parse_int=str).items()}
    values: dict[str, str] = {}
    for name, value in held.items():
        made = _typed(value, kinds.get(name, "text"))
        if made is None:
            what = f"dimension {name} is {value!r}"
            return Settled(None, flaw=Unfit(what, _MENDS[kinds[name]]))
        values[name] = made
    strange = tuple(sorted(held.keys() - kinds.keys())) if kinds and others != "keep" else ()
    if strange and others == "refuse":
        return Settled(None, flaw=Unfit(f"has the dimension {strange[0]!r}", did_you_mean(strange[0], kinds)))
    return Settled(_written(values), strange)


_kinds = lru_cache(maxsize=1_000)(declared)
_MENDS: Final = {
    "number": f"write a number with at most {_BEFORE} digits before and {_AFTER} after the point",
    "boolean": "write true or false",
}


def _typed(value: str, kind: str) -> str | None:
    """A value as JSON; None where it is not of its kind."""
    if kind == "boolean":
        return _BOOLEANS.get(value.lower())
    if kind == "number":
        return _number(value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: str) -> str | None:
    if not _NUMBER.fullmatch(value):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    digits = -int(number.normalize().as_tuple().exponent) if number else 0
    if abs(number) >= 10**_BEFORE or digits > _AFTER:
        return None
    return f"{number.normalize():f}" if number else "0"
