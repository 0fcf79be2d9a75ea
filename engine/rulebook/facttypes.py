"""What a condition may see: the facts struct of a family, read once into a small tree of types.

The tree is the vocabulary of :mod:`engine.rulebook.expression`, the listing of ``tollbook facts`` and the source of
every "did you mean" about facts.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from engine.base.errors import Code, Where, refuse

UNSUPPORTED = Code("facts.unsupported-type", "a facts struct has a field of a type that conditions cannot see")

#: What a fact can be.  ``object`` is a nested struct, reached with a dot; ``mapping`` a dictionary with string keys.
Kind = Literal["string", "number", "boolean", "date", "datetime", "list", "mapping", "object"]

SCALARS: frozenset[str] = frozenset(("string", "number", "boolean", "date", "datetime"))

_KINDS: Mapping[Any, Kind] = {
    str: "string",
    bool: "boolean",
    int: "number",
    Decimal: "number",
    date: "date",
    datetime: "datetime",
}


class FactType(msgspec.Struct, frozen=True):
    """One fact, or the whole tree of them.

    Attributes:
        name: the field's name; the struct's name at the root.
        kind: what it is; ``int`` and ``Decimal`` are both ``number``.
        nullable: whether it may be null.
        doc: its description, from ``Meta(description=...)`` or the docstring of its struct.
        children: the facts inside an object, in the order of the struct.
        values: the strings that it can be, where it is a ``Literal``; empty where any string will do.
        item: what a list holds, or the values of a mapping.
        whole: whether a number is declared ``int``.
        low: the least number that it can be, from ``Meta(extra={"least": 0})``; None if there is none.
        high: the greatest number, from ``Meta(extra={"most": 100})``.
    """

    name: str
    kind: Kind
    nullable: bool = False
    doc: str = ""
    children: tuple[FactType, ...] = ()
    values: tuple[str, ...] = ()
    item: FactType | None = None
    whole: bool = False
    low: int | None = None
    high: int | None = None

    def child(self, name: str) -> FactType | None:
        """The fact of that name directly inside this object, None if there is none."""
        return next((child for child in self.children if child.name == name), None)

    def find(self, path: str) -> FactType | None:
        """The fact at a dotted path such as ``account.segment``, None if there is none."""
        fact: FactType | None = self
        for name in path.split("."):
            fact = fact.child(name) if fact is not None else None
        return fact

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, FactType]]:
        """Every fact that is no object, with its dotted path."""
        for child in self.children:
            path = prefix + child.name
            if child.kind == "object":
                yield from child.leaves(path + ".")
            else:
                yield path, child


@functools.lru_cache(maxsize=256)
def describe(facts: type[msgspec.Struct]) -> FactType:
    """The tree of facts of a struct type, an ``object`` named as the struct.

    Supported annotations are ``str``, ``bool``, ``int``, ``Decimal``, ``date``, ``datetime``, ``Literal`` of strings,
    tuples and lists of one type, mappings with string keys, other structs, each optionally ``| None`` and inside
    ``Annotated``.  A list of structs or of lists is described, but no condition can use it.

    Raises:
        TollbookError: ``facts.unsupported-type`` for any other annotation, ``float`` among them, and for a struct that
            contains itself.
    """
    return _object(facts, facts.__name__, False, "", ())


@functools.cache
def _hints(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The annotations of a struct; most structs are among the facts of several families."""
    return typing.get_type_hints(struct, include_extras=True)


def _object(struct: type[msgspec.Struct], name: str, nullable: bool, doc: str, outer: tuple[type, ...]) -> FactType:
    if struct in outer:
        raise refuse(
            UNSUPPORTED,
            f"{struct.__name__} contains itself",
            why="facts form a tree of limited depth",
            mend="leave the inner field out of the facts",
            where=Where(struct.__qualname__),
        )
    hints = _hints(struct)
    children = tuple(_fact(struct, field, hints[field], (*outer, struct)) for field in struct.__struct_fields__)
    return FactType(name, "object", nullable, doc or _first_line(struct), children)


def _first_line(struct: type[msgspec.Struct]) -> str:
    text = (struct.__doc__ or "").strip()
    return text.splitlines()[0] if text else ""


def _fact(struct: type[msgspec.Struct], name: str, annotation: Any, outer: tuple[type, ...]) -> FactType:
    core, nullable, doc = _peel(annotation)
    if core in _KINDS:
        low, high = _bounds(annotation)
        return FactType(name, _KINDS[core], nullable, doc, whole=core is int, low=low, high=high)
    if isinstance(core, type) and issubclass(core, msgspec.Struct):
        return _object(core, name, nullable, doc, outer)
    origin, arguments = typing.get_origin(core), typing.get_args(core)
    if origin is Literal and all(isinstance(value, str) for value in arguments):
        return FactType(name, "string", nullable, doc, values=arguments)
    if _one_type(origin, arguments):
        item = _fact(struct, name, arguments[0], outer)
        return FactType(name, "list", nullable, doc, item=item)
    if isinstance(origin, type) and issubclass(origin, Mapping) and arguments[0] is str:
        item = _fact(struct, name, arguments[1], outer)
        return FactType(name, "mapping", nullable, doc, item=item)
    raise refuse(
        UNSUPPORTED,
        f"field {name} is declared {_spelled(annotation)}",
        why="conditions see str, bool, int, Decimal, date, datetime, Literal of strings, lists, mappings and structs",
        mend="declare a number as Decimal" if core is float else "declare one of these types",
        where=Where(f"{struct.__qualname__}.{name}"),
    )


def _one_type(origin: Any, arguments: tuple[Any, ...]) -> bool:
    """Whether a generic is a list of any length whose items share one type."""
    if origin is tuple:
        return len(arguments) == 2 and arguments[1] is Ellipsis
    return isinstance(origin, type) and issubclass(origin, Sequence) and len(arguments) == 1


def _peel(annotation: Any) -> tuple[Any, bool, str]:
    """An annotation without ``Annotated`` and ``| None``, whether it may be null, and its description."""
    nullable, doc = False, ""
    while True:
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            metas = [meta.description for meta in arguments[1:] if isinstance(meta, msgspec.Meta)]
            doc = doc or next((text for text in metas if text), "")
            annotation = arguments[0]
        elif origin in (typing.Union, types.UnionType) and len(arguments) == 2 and type(None) in arguments:
            nullable = True
            annotation = next(part for part in arguments if part is not type(None))
        else:
            return annotation, nullable, doc


def _bounds(annotation: Any) -> tuple[int | None, int | None]:
    """The least and the greatest number that an annotation declares."""
    extras = [meta.extra or {} for meta in getattr(annotation, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    merged = {key: value for extra in extras for key, value in extra.items()}
    return merged.get("least"), merged.get("most")


def _spelled(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
