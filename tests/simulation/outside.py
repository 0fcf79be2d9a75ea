"""What the outside world is like: rates of tax, how badly adapters answer, and what they wrote down.

The plug-ins of the simulation and the auditor share this file and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any
from zlib import crc32

ASKED = {"standard": Fraction(21, 100), "reduced": Fraction(77, 1000), "zero": Fraction(0)}
"""Rates that the tax adapter answers, by tax code; one tenth less for buyers in odd countries, see :func:`asked`."""

RULED = {"standard": Fraction(20, 100), "reduced": Fraction(9, 100), "zero": Fraction(0)}
"""Rates of the rules of the tax family, which decide where the adapter does not answer."""

CONTROL = "outside"
"""Folder beside ``config.yaml`` in which the world says how it is, and adapters write down what they did."""


def percent(rate: Fraction) -> str:
    """A rate as rule files write it."""
    return f"{rate.numerator * 1000 // rate.denominator / 10} %"


def asked(tax_code: str, country: str) -> Fraction:
    """The rate that the adapter answers."""
    rate = ASKED[tax_code]
    return rate / 2 if country in ("GB", "JP") else rate


def spoiled(salt: int, account: str, tax_code: str, amount: Fraction) -> bool:
    """Whether the tax adapter answers badly for a line, where it answers badly for some."""
    return crc32(f"{salt}|{account}|{tax_code}|{amount}".encode()) % 3 == 0


def say(folder: Path, name: str, state: Mapping[str, Any]) -> None:
    """Set how an adapter behaves."""
    path = folder / CONTROL / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(state))


def said(folder: Path, name: str) -> dict[str, Any]:
    """How an adapter behaves."""
    path = folder / CONTROL / name
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def note(folder: Path, name: str, entry: Mapping[str, Any]) -> None:
    """Append to what an adapter did."""
    path = folder / CONTROL / name
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def noted(folder: Path, name: str) -> list[dict[str, Any]]:
    """All that an adapter did."""
    path = folder / CONTROL / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
