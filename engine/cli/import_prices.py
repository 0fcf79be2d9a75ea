"""``tollbook import-prices``: price lists of other systems as catalogue files and pricing rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.common import JsonOption, emit, open_app, out

SystemArgument = Annotated[str, typer.Argument(help="stripe, killbill or lago.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The price list, as that system exports it.")]
IntoOption = Annotated[Path, typer.Option("--into", help="The folder that gets data/ and rules/.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace files that are there already.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("import-prices")
    def bring(
        context: typer.Context,
        system: SystemArgument,
        file: FileArgument,
        into: IntoOption,
        force: ForceOption = False,
        as_json: JsonOption = False,
    ) -> None:
        """Take over a price list of Stripe, Kill Bill or Lago; what has no equivalent is named, never dropped silently."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            taken = tollbook.authoring().import_prices(system, file, into, force)

        def render() -> None:
            for name in taken.files:
                out.print(name, markup=False)
            out.print(f"{taken.plans} plans, {taken.charges} charges, {taken.cases} cases that hold", markup=False)
            for left in taken.left:
                out.print(f"left out: {left.where}: {left.what}; {left.mend}", markup=False)

        emit(taken, as_json, render)
