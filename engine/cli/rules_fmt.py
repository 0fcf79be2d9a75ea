"""``tollbook fmt``: rule files in their canonical form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.common import WRONG_INPUT, JsonOption, emit, open_app, out

PathsArgument = Annotated[list[Path] | None, typer.Argument(help="Files or folders; else the config's rule folders.")]
CheckOption = Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 if a file is not canonical.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("fmt")
    def fmt(
        context: typer.Context, paths: PathsArgument = None, check: CheckOption = False, as_json: JsonOption = False
    ) -> None:
        """Format rule files: order of keys, indentation, ends of lines.  Comments and meaning stay as they are."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            formatted = tollbook.rule_desk().format(paths or (), write=not check)
        changed = [each.file for each in formatted if each.changed]
        emit({"checked": len(formatted), "changed": changed}, as_json, lambda: _show(changed))
        if check and changed:
            raise typer.Exit(WRONG_INPUT)


def _show(changed: list[str]) -> None:
    for file in changed:
        out.print(file, markup=False)
