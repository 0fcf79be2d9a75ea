"""``tollbook table``: rule files as decision tables in spreadsheets, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.common import JsonOption, emit, open_app, out

RulesetArgument = Annotated[str, typer.Argument(help="The rule set, such as pricing/calls.")]
TargetArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The .csv or .xlsx file to write.")]
SourceArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The .csv or .xlsx file to read.")]
FoldersOption = Annotated[
    list[Path] | None,
    typer.Option("--rules", help="A folder of rules, later ones laid over earlier ones; else the config's."),
]
IntoOption = Annotated[
    Path | None,
    typer.Option("--into", help="The rule file, or the folder of rules, that gets the rules; printed where left out."),
]
PruneOption = Annotated[bool, typer.Option("--prune", help="Remove rules of the file that the table has not.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and write nothing.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Rule files as decision tables in spreadsheets, both ways.", no_args_is_help=True)
    app.add_typer(group, name="table")

    @group.command("export")
    def export(
        context: typer.Context,
        ruleset: RulesetArgument,
        file: TargetArgument,
        folders: FoldersOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Write a rule set as a decision table: a column per condition and outcome, a row per rule."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            made = tollbook.authoring(folders or ()).tables.export(ruleset, file)
        stay = f"; {made.cases} cases stay in the rule file" if made.cases else ""
        emit(made, as_json, lambda: out.print(f"{made.file}: {made.rules} rules of {made.ruleset}{stay}", markup=False))

    @group.command("import")
    def bring(
        context: typer.Context,
        file: SourceArgument,
        into: IntoOption = None,
        folders: FoldersOption = None,
        prune: PruneOption = False,
        dry: DryOption = False,
        as_json: JsonOption = False,
    ) -> None:
        """Make rules of a decision table.  In a file that exists comments, order and rules that stay are kept as they are."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            made = tollbook.authoring(folders or ()).tables.bring(file, into, prune, dry)

        def render() -> None:
            if into is None:
                typer.echo(made.text, nl=False)
                return
            words = [f"{kind} {', '.join(ids)}" for kind, ids in _groups(made) if ids]
            words += ["the order of rules"] if made.moved else []
            done = "; ".join(words) or "nothing changed"
            out.print(f"{made.file}: {done}{'' if made.written or not words else ' (not written)'}", markup=False)

        emit(made, as_json, render)


def _groups(made: object) -> list[tuple[str, tuple[str, ...]]]:
    return [(kind, getattr(made, kind)) for kind in ("added", "changed", "removed")]
