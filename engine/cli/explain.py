"""``tollbook explain INVOICE#line``: why a line costs what it costs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.tree import Tree

from engine.app import Explanation, open_app
from engine.base.errors import Code, refuse
from engine.cli.common import JsonOption, emit, out, show_findings

NOT_A_LINE = Code("explain.not-a-line", "What is to be explained is not written as INVOICE#line.")


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("explain")
    def verb(
        context: typer.Context,
        line: Annotated[str, typer.Argument(help="INVOICE#line, such as NL01-2024-000017#2.")],
        as_json: JsonOption = False,
    ) -> None:
        """Walk from an invoice line back to rules, facts and events, and forward to postings."""
        invoice, _, number = line.rpartition("#")
        if not invoice or not number.isdigit():
            raise refuse(
                NOT_A_LINE, f"{line!r} is no invoice line", mend="write INVOICE#line, such as NL01-2024-000017#2"
            )
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.explain(invoice, int(number))
        emit(found, as_json, lambda: show(found))
        show_findings(found.findings)


def show(found: Explanation) -> None:
    """An explanation as a tree."""
    tree = Tree(f"[bold]{found.invoice}#{found.line}[/bold]  {escape(found.text)}  [bold]{found.amount}[/bold]")
    width = max((len(label) for step in found.steps for label, _ in step.details), default=0)
    for step in found.steps:
        branch = tree.add(f"[bold]{step.name}[/bold]: {escape(step.text)}")
        for label, text in step.details:
            branch.add(f"{label:<{width}}  {escape(text)}")
    tree.add(f"[bold]release[/bold]: {found.release}")
    out.print(tree)
