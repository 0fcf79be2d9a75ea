"""``tollbook schema``: JSON Schemas of rule files, for the completion of editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.common import JsonOption, emit, open_app, out

FamilyArgument = Annotated[str, typer.Argument(help="Print the schema of this family instead of writing files.")]
OutputOption = Annotated[Path, typer.Option("--output", help="The folder to write FAMILY.schema.json files to.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("schema")
    def schema(
        context: typer.Context,
        family: FamilyArgument = "",
        output: OutputOption = Path("schemas"),
        as_json: JsonOption = False,
    ) -> None:
        """Write the JSON Schema of each family's rule files, or print that of one family."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            desk = tollbook.rule_desk()
            if family:
                typer.echo(json.dumps(desk.schema(family), indent=2, ensure_ascii=False))
                return
            written = [str(path) for path in desk.write_schemas(output)]
        emit(written, as_json, lambda: out.print("\n".join(written), markup=False))
