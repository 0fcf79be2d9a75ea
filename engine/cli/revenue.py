"""``tollbook revenue``: what is recognised, what remains, and what it rests on."""

from __future__ import annotations

import importlib
from typing import Final

import typer

MEMBERS: Final[tuple[str, ...]] = (
    "revenue_recognise",
    "revenue_events",
    "revenue_reports",
    "revenue_contract",
    "revenue_accrue",
    "revenue_forecast",
)
"""The modules that add verbs to the group, in the order of ``--help``; each has a function ``register_in(group)``."""


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Recognise revenue: schedules, the run of a month, what remains.", no_args_is_help=True)
    app.add_typer(group, name="revenue")
    for name in MEMBERS:
        importlib.import_module(f"engine.cli.{name}").register_in(group)
