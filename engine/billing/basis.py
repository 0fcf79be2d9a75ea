"""What the price of a line looked at beside its own usage, as the line keeps it: a few words of JSON.

``{"carried": [["2026-01-01", "2026-02-01", "300"]]}`` are units of allowance by the cycle that they are from.  Of a pool it
is what :class:`Pooled` holds, and the units that were carried into it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.money import ZERO
from engine.base.period import Period


class Pooled(msgspec.Struct, frozen=True, omit_defaults=True):
    """The pool that a line was priced in, and its place there.

    ``quantity`` is what all ``members`` used in the cycle and ``granted`` the allowance beyond that of the rule itself, with
    what was carried over.  What it
    cost is divided by weights: those of the members before sum to ``ahead``, the line's own is ``weight``, and all are ``total``.
    ``complete`` says whether the cycle was over.
    """

    pool: str
    scope: str
    of: str
    members: int
    quantity: Decimal
    granted: Decimal
    ahead: Decimal
    weight: Decimal
    total: Decimal
    complete: bool = True


def written_carried(units: Iterable[tuple[Period, Decimal]]) -> str:
    """Carried units as a line keeps them; empty where there are none."""
    found = _units(units)
    return json.dumps({"carried": found}, separators=(",", ":")) if found else ""


def written_pool(pooled: Pooled, units: Iterable[tuple[Period, Decimal]] = ()) -> str:
    """The pool of a line, and the units that were carried into it, as the line keeps them."""
    shown: dict[str, Any] = {"pool": msgspec.to_builtins(pooled)}
    found = _units(units)
    if found:
        shown["carried"] = found
    return json.dumps(shown, separators=(",", ":"), ensure_ascii=False)


def _units(units: Iterable[tuple[Period, Decimal]]) -> list[list[str]]:
    return [[days.start.isoformat(), days.end.isoformat(), f"{left.normalize():f}"] for days, left in units if left]


def read_carried(basis: str) -> list[tuple[Period, Decimal]]:
    """The units that were carried into the stretch of a line, by the cycle that they are from."""
    found = _read(basis).get("carried", ())
    return [
        (Period(date.fromisoformat(first), date.fromisoformat(after)), Decimal(left)) for first, after, left in found
    ]


def read_pool(basis: str) -> Pooled | None:
    """The pool that a line was priced in; None where it was priced by itself."""
    found = _read(basis).get("pool")
    return None if found is None else msgspec.convert(found, Pooled, strict=False)


def granted(basis: str) -> Decimal:
    """The units beyond the rule's own allowance that the price of a line counted."""
    pooled = read_pool(basis)
    return pooled.granted if pooled else sum((left for _, left in read_carried(basis)), ZERO)


def _read(basis: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(basis) if basis else {}
    return found
