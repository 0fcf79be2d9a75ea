"""A curve as rows for people and as a page: one HTML file that needs nothing beside it and has no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from engine.base.money import ZERO
from engine.runs.simulate.page import money, sandbox
from engine.runs.tune.desk import Curve, Point

HEADS: Final[Mapping[str, Sequence[str]]] = {
    "matching": ("value", "automatic", "suggested", "expected wrong", "given up", "entries that change"),
    "dunning": ("value", "steps", "costs of the customers", "steps that change"),
    "parts": ("value", "share by part", "share of the money", "difference", "decisions that change"),
    "money": ("value", "difference", "pay more", "pay less", "decisions that change"),
}
"""What the columns of a curve are called, by what it is about."""


def heads(found: Curve) -> Sequence[str]:
    """The columns of a curve."""
    names = HEADS[found.measure]
    return (names[0], f"{names[1]} (drawn: {found.part})", *names[2:]) if found.measure == "parts" else names


def cells(found: Curve, point: Point) -> list[str]:
    """A point as a row; a value that is refused says why."""
    notes = [note for note, holds in (("now", point.now), ("asked", point.asked)) if holds]
    value = f"{point.value} ({', '.join(notes)})" if notes else point.value
    if point.refused:
        return [value, point.refused, *[""] * (len(heads(found)) - 2)]
    sums = ", ".join(
        f"{money(amount, currency, signed=found.measure in ('money', 'parts'))} {currency}"
        for currency, amount in point.money.items()
        if amount
    )
    if point.automatic is not None:
        wrong = f"{point.expected_wrong:.2f}"
        return [value, _percent(point.automatic), str(point.suggested), wrong, sums or "0", str(point.decisions)]
    if point.steps is not None:
        return [value, str(point.steps), sums or "0", str(point.decisions)]
    if found.measure == "parts":
        return [value, *_shares(point), sums or "0", str(point.decisions)]
    return [value, sums or "0", str(point.up), str(point.down), str(point.decisions)]


def _shares(point: Point) -> tuple[str, str]:
    """The shares of the parts, and of the parts in money."""
    of_all = ", ".join(f"{part} {_percent(rate)}" for part, currency, rate in point.rates if not currency)
    money = ", ".join(f"{part} {_percent(rate)} of {currency}" for part, currency, rate in point.rates if currency)
    return of_all or "none", money or "none"


def _percent(rate: Decimal) -> str:
    return f"{100 * rate:.1f} %"


def height(found: Curve, point: Point) -> Decimal:
    """What a curve shows of a point: the automatic rate, the steps, the share of the part that changes most, or the money of the first
    currency that differs."""
    if found.measure == "parts":
        return next((rate for part, currency, rate in point.rates if (part, currency) == (found.part, "")), ZERO)
    if point.automatic is not None:
        return point.automatic
    if point.steps is not None:
        return Decimal(point.steps)
    return next((amount for amount in point.money.values() if amount), ZERO)


def bars(found: Curve, width: int) -> list[int]:
    """How long the bar of each point is, up to ``width``; of differences their size."""
    tall = [abs(height(found, point)) for point in found.points]
    top = max(tall, default=ZERO)
    return [int(width * one / top) if top else 0 for one in tall]


def page(found: Curve) -> str:
    """The page: the same for the same curve, to the byte."""
    points = [point for point in found.points if not point.refused]
    tall = [height(found, point) for point in points]
    low, high = min([*tall, ZERO]), max([*tall, ZERO])
    span, step = (high - low) or Decimal(1), Decimal(540) / max(len(points) - 1, 1)
    dots = [
        {
            "x": int(65 + step * place),
            "y": int(220 - 190 * (one - low) / span),
            "value": point.value,
            "now": point.now,
            "asked": point.asked,
        }
        for place, (point, one) in enumerate(zip(points, tall, strict=True))
    ]
    ends = [f"{100 * one:.0f} %" if found.measure in ("matching", "parts") else f"{one:.0f}" for one in (high, low)]
    rows: list[dict[str, Any]] = [{"asked": point.asked, "cells": cells(found, point)} for point in found.points]
    template = sandbox().from_string(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
    return template.render(found=found, heads=heads(found), rows=rows, dots=dots, top=ends[0], bottom=ends[1])
