"""``tollbook usage``: look at usage events that clients sent and the books did not take."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.common import JsonOption, emit, open_app, plain, table


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Look at usage that clients sent.", no_args_is_help=True)
    app.add_typer(group, name="usage")

    @group.command("refused")
    def refused(
        context: typer.Context,
        limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many, the newest first.")] = 100,
        as_json: JsonOption = False,
    ) -> None:
        """List events that the books did not take, with the reason; --json shows them word by word."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            rows = tollbook.usage_door().refused(limit)
        columns = ("at", "client", "entity", "source", "key", "code", "what")
        shown = ([f"{row['at']:%Y-%m-%d %H:%M}", *(row[name] for name in columns[1:])] for row in rows)
        emit([plain(row) for row in rows], as_json, lambda: table("", columns, shown))
