"""Parameters of a rule set: what a person may tune within bounds without touching the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.document import Document
from engine.base.errors import Code, Finding, Where, did_you_mean
from engine.base.shape import bounds_met
from engine.base.units import Unfit, found, read_date, read_days, read_decimal, read_percent, read_price

BAD_PARAMETER = Code("rule.bad-parameter", "A parameter whose value or bounds are not of its type.")
OUT_OF_BOUNDS = Code("rule.out-of-bounds", "A parameter's value, or one that replaces it, outside its bounds.")
UNKNOWN_PARAMETER = Code("rule.unknown-parameter", "A parameter that its rule set does not declare.")
UNUSED_PARAMETER = Code("rule.unused-parameter", "A parameter that no condition and no rule uses.")


def _integer(value: Any) -> int:
    number = read_decimal(value)
    if number != number.to_integral_value():
        raise Unfit(f"is {found(value)}", "write a whole number")
    return int(number)


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise Unfit(f"is {found(value)}", "quote it")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise Unfit(f"is {found(value)}", "write true or false")


class ParameterType(msgspec.Struct, frozen=True):
    """A type of parameter.

    Attributes:
        read: the value as conditions see it.
        bound: how ``min`` and ``max`` are read; None where there are no bounds.
        in_conditions: whether a condition may name the parameter.
        as_written: whether ``$name`` in ``then`` stands for the text with its unit, not for the value that was read.
    """

    read: Callable[[Any], Any]
    bound: Callable[[Any], Any] | None = None
    in_conditions: bool = True
    as_written: bool = False


TYPES: Final[Mapping[str, ParameterType]] = {
    "decimal": ParameterType(read_decimal, read_decimal),
    "integer": ParameterType(_integer, _integer),
    "string": ParameterType(_string),
    "boolean": ParameterType(_boolean),
    "date": ParameterType(read_date, read_date),
    "percent": ParameterType(read_percent, read_percent, as_written=True),
    "days": ParameterType(read_days, read_days, as_written=True),
    "price": ParameterType(read_price, read_decimal, in_conditions=False, as_written=True),
}
"""Types of parameters by name; the bounds of a price hold for each of its amounts."""

PARAMETER_SCHEMA: Final[Mapping[str, Any]] = {
    "type": {
        "type": "string",
        "required": True,
        "allowed": list(TYPES),
        "meta": {"description": "what kind of value it is"},
    },
    "value": {"required": True, "meta": {"description": "the value, with its unit where its type has one"}},
    "min": {"meta": {"description": "least value that may be set"}},
    "max": {"meta": {"description": "greatest value that may be set"}},
    "unit": {"type": "string", "meta": {"description": "what is counted, in words"}},
    "tuned_by": {"type": "string", "meta": {"description": "role that may set it"}},
    "why": {"type": "string", "meta": {"description": "what it is for"}},
}
"""cerberus schema of one parameter."""


class Parameter(msgspec.Struct, frozen=True):
    """A declared parameter with its value in force.

    ``value`` is ready to use; ``written`` is what ``$name`` in ``then`` stands for; ``low`` and ``high`` are its bounds
    or None; ``overridden`` says that the release replaces the value of the file.
    """

    name: str
    type: str
    value: Any
    written: Any
    low: Any
    high: Any
    unit: str
    tuned_by: str
    why: str
    where: Where
    overridden: bool = False


def read_parameter(
    document: Document, name: str, data: Mapping[str, Any], override: Any, findings: list[Finding]
) -> Parameter | None:
    """The parameter that ``parameters: name`` declares; None where it is wrong; its mistakes go to ``findings``.

    ``data`` has passed :data:`PARAMETER_SCHEMA`; ``override`` is the value that replaces its own, None if nothing does.
    """
    path = ("parameters", name)
    kind = TYPES[data["type"]]

    def read(key: str, how: Callable[[Any], Any], value: Any, where: Where) -> Any:
        try:
            return how(value)
        except Unfit as unfit:
            why = f"{name!r} is a parameter of type {data['type']}"
            findings.append(Finding(BAD_PARAMETER, where, f"{key!r} of {name!r} {unfit.what}", why, unfit.mend))
            return None

    value = read("value", kind.read, data["value"], document.where((*path, "value")))
    bounds: dict[str, Any] = {}
    for key in ("min", "max"):
        if key in data:
            where = document.where((*path, key))
            if kind.bound is None:
                what = f"{key!r} of {name!r}: a parameter of type {data['type']} has no bounds"
                findings.append(Finding(BAD_PARAMETER, where, what, mend=f"remove {key!r}"))
            else:
                bounds[key] = read(key, kind.bound, data[key], where)
    if value is None or None in bounds.values():
        return None
    low, high = bounds.get("min"), bounds.get("max")
    span = f"from {data.get('min', 'anything')} to {data.get('max', 'anything')}"
    if not bounds_met(value, low, high):
        where = document.where((*path, "value"))
        why = f"its bounds are {span}"
        findings.append(Finding(OUT_OF_BOUNDS, where, f"{name!r} is {data['value']}", why, "change it, or its bounds"))
        return None
    written = data["value"] if kind.as_written else value
    where = document.where_key(path)
    if override is not None:
        value = read("the value set for it", kind.read, override, where)
        if value is None:
            return None
        if not bounds_met(value, low, high):
            what = f"{name!r} is set to {override}"
            findings.append(Finding(OUT_OF_BOUNDS, where, what, f"its bounds are {span}", "set it within its bounds"))
            return None
        written = override if kind.as_written else value
    texts = (data.get("unit", ""), data.get("tuned_by", ""), data.get("why", ""))
    return Parameter(name, data["type"], value, written, low, high, *texts, where, override is not None)


_TEXT: Final = re.compile(r'"(?:\\.|[^"\\])*"' + r"|'(?:\\.|[^'\\])*'")
_WORD: Final = re.compile(r"(?<![\w.$])[A-Za-z_]\w*")
_PARAMETER: Final = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")


def words_of(condition: str) -> set[str]:
    """The words of a condition outside its texts that could name a parameter."""
    return set(_WORD.findall(_TEXT.sub('""', condition)))


class Substitution:
    """Puts the values of parameters in the place of ``$name`` in one ``then``; keeps which it ``used``."""

    def __init__(self, parameters: Mapping[str, Parameter | None]) -> None:
        self.parameters = parameters
        self.used: set[str] = set()
        self.unknown: list[tuple[tuple[str | int, ...], str]] = []
        self.complete = True

    def apply(self, value: Any, path: tuple[str | int, ...] = ()) -> Any:
        """``value`` with every ``$name`` in it replaced; unknown names are kept in ``unknown`` with their paths.

        A parameter that is itself wrong (None) leaves ``complete`` false: what it stands for cannot be judged.
        """
        if isinstance(value, str):
            match = _PARAMETER.fullmatch(value)
            if match is None:
                return value
            name = match[1]
            if name not in self.parameters:
                self.unknown.append((path, name))
                self.complete = False
                return value
            self.used.add(name)
            parameter = self.parameters[name]
            if parameter is None:
                self.complete = False
                return value
            return parameter.written
        if isinstance(value, dict):
            return {key: self.apply(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.apply(item, (*path, index)) for index, item in enumerate(value)]
        return value


def unknown_parameter(name: str, known: Mapping[str, Any], where: Where) -> Finding:
    """The finding for a name that no parameter of the rule set has."""
    mend = did_you_mean(name, known) or "declare it under 'parameters'"
    return Finding(UNKNOWN_PARAMETER, where, f"no parameter is called {name!r}", mend=mend)


def plain(parameters: Mapping[str, Parameter], names: Iterator[str] | set[str]) -> dict[str, Any]:
    """The parameters of these names as JSON can hold them and people can read them, in order of name."""
    return {name: _plain(parameters[name].written) for name in sorted(names)}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, (Decimal, date)) else value
