"""``tollbook new-plugin``: a plug-in from the templates of its port."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.common import JsonOption, emit, out


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("new-plugin")
    def new_plugin(
        port: Annotated[str, typer.Argument(help="Port that it serves: tax, delivery, psp, ...")],
        name: Annotated[str, typer.Argument(help="Its name, such as tax_acme: lower-case letters, digits and _.")],
        into: Annotated[Path, typer.Option("--into", help="Folder in which its folder is made.")] = Path(),
        as_json: JsonOption = False,
    ) -> None:
        """Make a plug-in that works, with the tests of its contract, in a new folder of its name."""
        from engine.app.kit import new_plugin as make

        made = make(port, name, into)

        def render() -> None:
            out.print(f"{made.folder}", markup=False)
            for file in made.files:
                out.print(f"    {file}", markup=False)
            out.print(f"`tollbook plugins test {made.folder}` runs its contract; README.md says how it is used")

        emit(made, as_json, render)
