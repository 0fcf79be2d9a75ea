"""``tollbook exchange``: messages of other systems, and the schemas of all messages."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.base.files import whole
from engine.cli.common import JsonOption, emit, open_app, out, plain, table


class State(StrEnum):
    """What became of a message."""

    TAKEN = "taken"
    REFUSED = "refused"
    CONFLICT = "conflict"


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="See messages of other systems, and the schemas of messages.", no_args_is_help=True)
    app.add_typer(group, name="exchange")

    @group.command("list")
    def listing(
        context: typer.Context,
        state: Annotated[State | None, typer.Option("--state", help="Those in this state only.")] = None,
        limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many, the newest first.")] = 100,
        as_json: JsonOption = False,
    ) -> None:
        """List messages that came in, the newest first."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.exchange.messages(limit, "" if state is None else state.value)
        rows = [
            (
                one["sender"],
                one["key"],
                f"{one['kind']} {one['version']}",
                one["state"],
                f"{one['at']:%Y-%m-%d %H:%M}",
                "; ".join(told["what"] for told in one["told"]),
            )
            for one in found
        ]
        columns = ("sender", "message", "kind", "state", "at", "why")
        emit([plain(one) for one in found], as_json, lambda: table("", columns, rows))

    @group.command("schemas")
    def schemas(
        folder: Annotated[Path, typer.Argument(help="An existing folder for the files.")], as_json: JsonOption = False
    ) -> None:
        """Write the schemas of all messages, one JSON Schema a file."""
        from engine.app import message_schemas

        names = []
        for name, schema in message_schemas().items():
            path = folder / f"{name}.json"
            with whole(path) as part:
                part.write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
            names.append(str(path))
        emit({"files": names}, as_json, lambda: out.print(f"{len(names)} schemas are in {folder}", markup=False))
