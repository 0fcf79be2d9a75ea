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
    "money": ("value", "difference", "pay more", "pay less", "decisions that change"),
}
"""What the columns of a curve are called, by what it is about."""


def heads(found: Curve) -> Sequence[str]:
    """The columns of a curve."""
    return HEADS[found.measure]


def cells(found: Curve, point: Point) -> list[str]:
    """A point as a row; a value that is refused says why."""
    notes = [note for note, holds in (("now", point.now), ("asked", point.asked)) if holds]
    value = f"{point.value} ({', '.join(notes)})" if notes else point.value
    if point.refused:
        return [value, point.refused, *[""] * (len(heads(found)) - 2)]
    sums = ", ".join(
        f"{money(amount, currency, signed=found.measure == 'money')} {currency}"
        for currency, amount in point.money.items()
        if amount
    )
    if point.automatic is not None:
        wrong = f"{point.expected_wrong:.2f}"
        return [value, f"{100 * point.automatic:.1f} %", str(point.suggested), wrong, sums or "0", str(point.decisions)]
    if point.steps is not None:
        return [value, str(point.steps), sums or "0", str(point.decisions)]
    return [value, sums or "0", str(point.up), str(point.down), str(point.decisions)]


def height(point: Point) -> Decimal:
    """What a curve shows of a point: the automatic rate, the steps, or the money of the first currency that differs."""
    if point.automatic is not None:
        return point.automatic
    if point.steps is not None:
        return Decimal(point.steps)
    return next((amount for amount in point.money.values() if amount), ZERO)


def bars(found: Curve, width: int) -> list[int]:
    """How long the bar of each point is, up to ``width``; of differences their size."""
    tall = [abs(height(point)) for point in found.points]
    top = max(tall, default=ZERO)
    return [int(width * one / top) if top else 0 for one in tall]


def page(found: Curve) -> str:
    """The page: the same for the same curve, to the byte."""
    points = [point for point in found.points if not point.refused]
    tall = [height(point) for point in points]
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
    ends = [f"{100 * one:.0f} %" if found.measure == "matching" else f"{one:.0f}" for one in (high, low)]
    rows: list[dict[str, Any]] = [{"asked": point.asked, "cells": cells(found, point)} for point in found.points]
    template = sandbox().from_string(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
    return template.render(found=found, heads=heads(found), rows=rows, dots=dots, top=ends[0], bottom=ends[1])
