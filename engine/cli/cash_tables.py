"""What verbs of ``tollbook cash`` print."""

from __future__ import annotations

from typing import Any

from engine.cli.acting import show_outcome
from engine.cli.common import coins, emit, out, table


def show_used(made: Any, as_json: bool) -> None:
    """Print what became of money, or what was proposed."""
    from engine.app import Outcome

    if isinstance(made, Outcome):
        show_outcome(made, as_json, {"subject": made.subject}, lambda: out.print(f"done: {made.text}", markup=False))
        return
    emit(made, as_json, lambda: show_one(made))


def show_one(made: Any) -> None:
    """Print what became of one use of money."""
    what = f"bank entry {made.entry}" if made.entry else made.key
    out.print(f"{made.kind.replace('_', ' ')}: {what}{f' ({made.text})' if made.text else ''}", markup=False)
    if made.legs:
        rows = [(number, *(coins(value, made.currency) for value in values)) for number, *values in made.legs]
        table("", ("document", "change", "left"), rows, right=(1, 2))
    if made.entry:
        out.print(f"left of it: {coins(made.left, made.currency)} {made.currency}", markup=False)
