"""The two trees between a condition's text and its Python source, and how constants are written in that source.

:class:`Node` is what was parsed, with positions; :class:`Typed` is what is known of a node once it has been checked:
its type, what it proves about null facts, and the Python expression that computes it.
"""

from __future__ import annotations

import decimal
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from engine.rulebook.facttypes import FactType

#: The arithmetic of conditions: the same in every thread, and precise enough that sums and products of money are exact.
EXACT = decimal.Context(
    prec=60,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=-999999,
    Emax=999999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)

#: How tightly a piece of Python source binds; looser pieces are bracketed where they stand inside tighter ones.
CHOICE, OR, AND, NOT, COMPARISON, TIGHT = range(6)

#: Names that generated source may use beside ``f`` and its constants.
HELPERS: Mapping[str, Any] = MappingProxyType({"exact": EXACT, "len": len, "max": max, "min": min})

_WORD = re.compile(r"[A-Za-z_]\w*")


class Node(msgspec.Struct, frozen=True, gc=False):
    """A parsed piece of a condition.

    Attributes:
        kind: what it is, a key of the checker's tables.
        start: offset of its first character in the text.
        end: offset behind its last character.
        at: offset of the word that a message about it points to.
        parts: the nodes inside it.
        value: its operator, name or literal, as written.
        safe: whether it is written with ``&.`` or ``&[``.
        grouped: whether it stands in brackets.
        depth: how deep its parts are nested.
        made: what rule-engine's grammar has made of it, with nodes inside.
    """

    kind: str
    start: int
    end: int
    at: int
    parts: tuple[Node, ...] = ()
    value: Any = None
    safe: bool = False
    grouped: bool = False
    depth: int = 1
    made: Any = None


class Typed(msgspec.Struct, frozen=True):
    """A checked piece of a condition.

    Attributes:
        kind: as ``FactType.kind``, or ``null``, or ``bad`` where a finding has been reported already.
        source: Python source that computes it; empty for a constant, which is written where it is used.
        level: how tightly ``source`` binds.
        nullable: whether it may be null here.
        optional: whether it may be null at all, if nothing around it says otherwise.
        fact: the fact that it is, None if it is no plain fact.
        path: the dotted path of that fact.
        proves: facts that are not null if this is not null.
        when_true: facts that are not null if this is true.
        when_false: facts that are not null if this is false.
        values: the only strings that it can be; empty if any.
        whole: whether it is an ``int`` in Python.
        constant: whether ``value`` is its value.
        name: the parameter that a constant comes from.
        item: the kind of what a list or mapping holds, empty for a list that conditions cannot use.
        members: the constants of a list that has only constants.
        equals: what it says, if all it says is that a fact is one of some constants.
        conjuncts: the parts that ``and`` joins.
        opposite: source that says the opposite more readably than ``not``; empty if there is none.
        plain: whether ``source`` is a chain of attributes, cheap enough to be written twice.
    """

    kind: str
    source: str = ""
    level: int = TIGHT
    nullable: bool = False
    optional: bool = False
    fact: FactType | None = None
    path: str = ""
    proves: frozenset[str] = frozenset()
    when_true: frozenset[str] = frozenset()
    when_false: frozenset[str] = frozenset()
    values: tuple[str, ...] = ()
    whole: bool = False
    constant: bool = False
    value: Any = None
    name: str = ""
    item: str = ""
    members: tuple[Typed, ...] = ()
    equals: tuple[str, frozenset[Any]] | None = None
    conjuncts: tuple[tuple[Node, Typed], ...] = ()
    opposite: str = ""
    plain: bool = False


BAD = Typed("bad")


def bracketed(source: str, level: int, needed: int) -> str:
    """``source``, in brackets if it binds more loosely than what is ``needed``."""
    return source if level >= needed else f"({source})"


def tupled(parts: Sequence[str]) -> str:
    """The source of a tuple."""
    return f"({parts[0]},)" if len(parts) == 1 else "(" + ", ".join(parts) + ")"


def digest(value: object) -> str:
    """A short name for a constant that is too long for one; begins with a letter that no number has."""
    return "x" + hashlib.sha256(repr(value).encode()).hexdigest()[:12]


class Constants:
    """Constants of generated source, named by their content: one name never means two values, in any set of conditions.

    Every name contains ``__``, which the names of :data:`HELPERS` and the variables ``f`` and ``v`` do not.
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def used_in(self, source: str) -> Mapping[str, Any]:
        """The constants and helpers that a piece of source names."""
        known = {**HELPERS, **self._values}
        return MappingProxyType({word: known[word] for word in sorted(set(_WORD.findall(source)) & known.keys())})

    def bind(self, name: str, content: str, value: Any) -> str:
        """The name for a value: a parameter's name or a letter, then its content."""
        content = content if len(content) <= 40 else digest(content)
        name = f"{name}__{content}"
        self._values[name] = value
        return name

    def literal(self, constant: Typed, whole: bool = False) -> str:
        """A constant in Python source.  ``whole``: it is compared with an ``int``, so that an integer is faster."""
        value = constant.value
        if constant.kind == "number":
            return self._number(value, constant.name, whole)
        if constant.kind == "date":
            return self.bind(constant.name or "d", _words(value.isoformat()), value)
        if constant.kind == "datetime":
            return self.bind(constant.name or "t", digest(value.isoformat()), value)
        return repr(value)

    def _number(self, value: Decimal, name: str, whole: bool) -> str:
        if whole and -18 < value.adjusted() < 18 and value == value.to_integral_value():
            return repr(int(value))
        if value.adjusted() > 40:
            return self.bind(name or "n", digest(value), value)
        return self.bind(name or "n", _words(format(value, "f")), value)

    def members(self, members: Iterable[Typed], whole: bool) -> str:
        """A list of constants in Python source, such that ``in`` it is fast and tidy to read."""
        members = tuple(members)
        written = list(dict.fromkeys(self.literal(member, whole) for member in members))
        if len(members) <= 8 or members[0].kind == "string":
            sets = members[0].kind in ("string", "boolean")
            return "{" + ", ".join(written) + "}" if sets else tupled(written)
        values = frozenset(member.value for member in members)
        return self.bind("l", digest(sorted(map(str, values))), values)


def _words(text: str) -> str:
    """``-0.5`` as ``minus0_5``, ``2026-01-01`` as ``2026_01_01``."""
    if text.startswith("-"):
        text = "minus" + text[1:]
    return re.sub(r"\W", "_", text)


def python_value(value: Any) -> tuple[str, Any] | None:
    """The kind and the value of a parameter as conditions know it, None if they do not."""
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, int):
        return "number", Decimal(value)
    if isinstance(value, Decimal):
        return ("number", value) if value.is_finite() else None
    if isinstance(value, str):
        return "string", value
    if isinstance(value, datetime):
        return ("datetime", value) if value.tzinfo is not None else None
    if isinstance(value, date):
        return "date", value
    return None
