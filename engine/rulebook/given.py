"""Partial facts: what a rule case gives, typed as the family declares its facts.

Where all that a struct needs is given, the facts are the struct itself.  Where something is missing they are a
:class:`Given`, which has what was given and says by name what is not.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache, partial
from typing import Any, NamedTuple

import msgspec

from engine.base.document import Document, Path
from engine.base.errors import Code, Finding, did_you_mean
from engine.base.units import Unfit, found, read_date, read_decimal
from engine.rulebook.facttypes import FactType

UNKNOWN_FACT = Code("case.unknown-fact", "A case gives a fact that the family does not have.")
WRONG_FACT = Code("case.wrong-fact", "A case gives a fact a value of another type.")


class MissingFact(AttributeError):
    """A fact that is asked for but was not given; ``fact`` is its dotted path."""

    def __init__(self, fact: str) -> None:
        super().__init__(f"the fact {fact} is not given")
        self.fact = fact


class Given:
    """Some fields of a struct, with the struct's properties and methods.  Asking for any other field is MissingFact."""

    def __init__(self, struct: type[msgspec.Struct], path: str, values: Mapping[str, Any]) -> None:
        self._struct = struct
        self._path = path
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        struct, path = self.__dict__["_struct"], self.__dict__["_path"]
        if name in struct.__struct_fields__:
            raise MissingFact(f"{path}.{name}" if path else name)
        member = getattr(struct, name)
        if isinstance(member, property) and member.fget is not None:
            return member.fget(self)
        return types.MethodType(member, self) if isinstance(member, types.FunctionType) else member


def _number(fact: FactType, value: Any) -> Any:
    number = read_decimal(value)
    if fact.whole and number != number.to_integral_value():
        raise Unfit(f"is {found(value)}", "write a whole number")
    return int(number) if fact.whole else number


def _string(fact: FactType, value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit(f"is {found(value)}", "quote it")
    if fact.values and value not in fact.values:
        raise Unfit(f"is {found(value)}", did_you_mean(value, fact.values))
    return value


def _boolean(fact: FactType, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit(f"is {found(value)}", "write true or false")
    return value


def _datetime(fact: FactType, value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Unfit(f"is {found(value)}", "write a moment with its offset, such as 2026-01-31T10:00:00Z")
    return moment


_READ: Mapping[str, Callable[[FactType, Any], Any]] = {
    "number": _number,
    "string": _string,
    "boolean": _boolean,
    "date": lambda fact, value: read_date(value),
    "datetime": _datetime,
}


class Giver:
    """Makes facts of what the cases of one document give; ``findings`` gathers what is wrong with it."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings: list[Finding] = []

    def facts(self, struct: type[msgspec.Struct], fact: FactType, given: Mapping[str, Any], path: Path) -> Any:
        """The facts of a family, whole or partial; ``path`` leads to ``given`` in the document."""
        return self._object(struct, fact, given, path, "")

    def _object(
        self, struct: type[msgspec.Struct], fact: FactType, given: Mapping[str, Any], path: Path, name: str
    ) -> Any:
        values: dict[str, Any] = {}
        for key, value in given.items():
            child = fact.child(key)
            if child is None:
                what = f"{name or 'the family'} has no fact {key!r}"
                mend = did_you_mean(key, [each.name for each in fact.children])
                self.findings.append(Finding(UNKNOWN_FACT, self.document.where_key((*path, key)), what, mend=mend))
                continue
            dotted = f"{name}.{key}" if name else key
            values[key] = self._value(_plan(struct).inside.get(key), child, value, (*path, key), dotted)
        missing = [field for field in struct.__struct_fields__ if field not in values]
        optional = _plan(struct).defaults
        values.update((field, optional[field]()) for field in missing if field in optional)
        if any(field not in optional for field in missing) or _partial(values.values()):
            return Given(struct, name, values)
        return struct(**values)

    def _value(self, inner: Any, fact: FactType, value: Any, path: Path, name: str) -> Any:
        if value is None and fact.nullable:
            return None
        try:
            if fact.kind == "object" and isinstance(value, dict):
                return self._object(inner, fact, value, path, name)
            if fact.kind == "list" and isinstance(value, list):
                each = fact.item or fact
                return tuple(self._value(inner, each, item, (*path, n), f"{name}[{n}]") for n, item in enumerate(value))
            if fact.kind == "mapping" and isinstance(value, dict):
                each = fact.item or fact
                return {key: self._value(inner, each, v, (*path, key), f"{name}.{key}") for key, v in value.items()}
            if fact.kind in _READ and value is not None:
                return _READ[fact.kind](fact, value)
            raise Unfit(f"is {found(value)}")
        except Unfit as unfit:
            article = "an" if fact.kind == "object" else "a"
            why = f"the fact is {article} {fact.kind}" + (" and may be null" if fact.nullable else "")
            where = self.document.where(path)
            self.findings.append(Finding(WRONG_FACT, where, f"{name!r} {unfit.what}", why, unfit.mend))
            return None


def _partial(values: Any) -> bool:
    return any(isinstance(value, Given) or (isinstance(value, tuple) and _partial(value)) for value in values)


class _Plan(NamedTuple):
    """What is made of a struct's fields: those with defaults, and the structs inside annotations."""

    defaults: Mapping[str, Callable[[], Any]]
    inside: Mapping[str, type[msgspec.Struct]]


@cache
def _plan(struct: type[msgspec.Struct]) -> _Plan:
    defaults: dict[str, Callable[[], Any]] = {}
    for field in msgspec.structs.fields(struct):
        if field.default_factory is not msgspec.NODEFAULT:
            defaults[field.name] = field.default_factory
        elif field.default is not msgspec.NODEFAULT:
            defaults[field.name] = partial(_itself, field.default)
    hints = typing.get_type_hints(struct)
    inside = {name: next(_structs(hint), None) for name, hint in hints.items()}
    return _Plan(defaults, {name: inner for name, inner in inside.items() if inner is not None})


def _itself(value: Any) -> Any:
    return value


def _structs(annotation: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _structs(part)
