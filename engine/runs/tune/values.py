"""The values that a curve tries: spread evenly over the bounds of a parameter, with the one in force and the one that is asked for.
Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

DIGITS: Final = Decimal("0.0001")


class Sheet(msgspec.Struct, frozen=True):
    """A parameter as people see it: ``written`` is its value in force, ``low`` and ``high`` its bounds as numbers, None where there is
    none."""

    ruleset: str
    name: str
    type: str
    written: str
    low: Decimal | None
    high: Decimal | None
    bounds: str
    unit: str
    tuned_by: str
    why: str
    where: str
    overridden: bool

    @property
    def family(self) -> str:
        """The family of its rule set."""
        return self.ruleset.split("/")[0]

    @property
    def key(self) -> str:
        """As it is named on the command line."""
        return f"{self.ruleset}.{self.name}"


SUFFIX: Final = {"percent": " %", "days": " days"}
"""What is written after the number of a type."""


def curve(sheet: Sheet, asked: str, count: int) -> list[str]:
    """Up to ``count`` values to try, in order, and always the value in force and the one that is asked for."""
    if sheet.type == "boolean":
        return ["false", "true"]
    numbers = {number_of(sheet.written), number_of(asked)} - {None}
    if sheet.type not in ("decimal", "integer", "percent", "days") or sheet.low is None or sheet.high is None:
        return list(dict.fromkeys([sheet.written, asked]))
    spread = set[Decimal]()
    for place in range(count):
        value = sheet.low + (sheet.high - sheet.low) * place / max(count - 1, 1)
        spread.add(value.to_integral_value() if sheet.type in ("integer", "days") else value.quantize(DIGITS))
    made = sorted({*spread, *(one for one in numbers if one is not None)})
    return [f"{plain(one)}{SUFFIX.get(sheet.type, '')}" for one in made]


def number_of(text: str) -> Decimal | None:
    """The number that a value begins with."""
    try:
        return Decimal(text.split()[0])
    except (ArithmeticError, IndexError):
        return None


def same(sheet: Sheet, one: str, other: str) -> bool:
    """Whether two values are the same."""
    numbers = number_of(one), number_of(other)
    return one == other or (numbers[0] is not None and numbers[0] == numbers[1])


def plain(number: Decimal) -> str:
    """A number without needless digits."""
    return f"{number.normalize():f}"


def as_bound(value: Any, kind: str) -> Decimal | None:
    """A bound as a number, in the unit that values are written in."""
    if not isinstance(value, (Decimal, int)) or isinstance(value, bool):
        return None
    return Decimal(value) * 100 if kind == "percent" else Decimal(value)
