"""Reads the shared vectors, which lie beside the repository and are no part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from engine.base.document import parse

FOLDER = Path(__file__).parents[2].parent / "shared" / "vectors"
ABSENT = pytest.mark.skip(reason="the shared vectors (../shared/vectors) are not here")


def vectors(name: str, section: str) -> list[dict[str, Any]]:
    """All vectors of one section of a file; none where the file is absent."""
    path = FOLDER / f"{name}.yaml"
    if not path.exists():
        return []
    found: list[dict[str, Any]] = parse(path.read_bytes(), str(path)).data.get(section) or []
    return found


def supported(name: str, section: str, expressible: Callable[[dict[str, Any]], bool]) -> Iterable[Any]:
    """Parameters for a test: the vectors that the methods of today can express, by id.  The others are not collected."""
    if not (FOLDER / f"{name}.yaml").exists():
        return [pytest.param(None, marks=ABSENT, id=f"{name}-absent")]
    return [pytest.param(one, id=one["id"]) for one in vectors(name, section) if expressible(one)]


def number(value: Any) -> Decimal:
    """A decimal of a text such as ``12.99`` or ``1999/200``, or of a number."""
    exact = Fraction(str(value))
    return Decimal(exact.numerator) / Decimal(exact.denominator)
