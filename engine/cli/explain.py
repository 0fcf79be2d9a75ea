"""``tollbook explain WHAT``: why the books say what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.tree import Tree

from engine.cli.common import JsonOption, emit, open_app, out, show_findings

if TYPE_CHECKING:
    from engine.app import Explanation

SubjectArgument = Annotated[
    str,
    typer.Argument(
        metavar="WHAT",
        help="An invoice NUMBER, a line NUMBER#LINE, usage:ENTITY/SUBSCRIPTION/METER/KEY, bank:ENTRY, "
        "settlement:ENTITY/KEY, posting:ENTRY/NUMBER, or posting:INVOICE/KIND/NUMBER.",
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="List all usage events of a line, not the first ten.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("explain")
    def verb(
        context: typer.Context, what: SubjectArgument, everything: AllOption = False, as_json: JsonOption = False
    ) -> None:
        """Walk from an invoice, a line, a usage event or a posting back to rules, facts and events, and forward."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.explain(what, everything)
        emit(found, as_json, lambda: show(found))
        show_findings(found.findings)


def show(found: Explanation) -> None:
    """An explanation as a tree."""
    tree = Tree(f"[bold]{escape(found.subject)}[/bold]  {escape(found.text)}  [bold]{escape(found.amount)}[/bold]")
    for step in found.steps:
        branch = tree.add(f"[bold]{escape(step.name)}[/bold]: {escape(step.text)}")
        width = max((len(label) for label, _ in step.details), default=0)
        for label, text in step.details:
            branch.add(f"{escape(label):<{width}}  {escape(text)}")
    if found.release:
        tree.add(f"[bold]release[/bold]: {found.release}")
    out.print(tree)
