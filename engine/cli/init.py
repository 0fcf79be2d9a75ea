"""``tollbook init``: make or upgrade the books."""

from __future__ import annotations

import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("init")
    def init(
        context: typer.Context, person: PersonOption = "", reason: ReasonOption = "", as_json: JsonOption = False
    ) -> None:
        """Make the books in the database of the config, or bring them to the newest schema; harmless to repeat."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "init", reason)
            result = tollbook.init(change)
        text = f"the books of {result['tenant']} are ready ({result['database']})"
        emit(result, as_json, lambda: out.print(text))
