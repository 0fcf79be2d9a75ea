"""``tollbook explain WHAT``: why the books say what they say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from engine.base.files import whole
from engine.cli.common import JsonOption, emit, open_app, out, show_findings
from engine.cli.explain_page import page

if TYPE_CHECKING:
    from engine.app import Explanation, Missed

SubjectArgument = Annotated[
    str,
    typer.Argument(
        metavar="WHAT",
        help="An invoice NUMBER, a line NUMBER#LINE, usage:ENTITY/SUBSCRIPTION/METER/KEY, bank:ENTRY, "
        "settlement:ENTITY/KEY, held:ENTITY/ACCOUNT, dunning:ENTITY/ACCOUNT[/STEP], revenue:ENTITY/CONTRACT, posting:ENTRY/NUMBER, or posting:INVOICE/KIND/NUMBER.",
    ),
]
WhyNotOption = Annotated[
    str, typer.Option("--why-not", metavar="RULE", help="Say why this rule did not answer: RULE or RULESET#RULE.")
]
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write the explanation as a page to this file, too.")]
AllOption = Annotated[
    bool, typer.Option("--all", help="List all events, lines, postings and rules, not the first or nearest ones.")
]


WIDEST: Final = 10_000


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("explain")
    def verb(
        context: typer.Context,
        what: SubjectArgument,
        everything: AllOption = False,
        missing: WhyNotOption = "",
        html: HtmlOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Walk from an invoice, a line, a usage event or a posting back to rules, facts and events, and forward."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            if missing:
                found, missed = tollbook.why_not(what, missing)
            else:
                found, missed = tollbook.explain(what, everything), None
        if html is not None:
            with whole(html) as part:
                part.write_text(page(found, missed), encoding="utf-8")
        if missed is not None:
            emit(missed, as_json, lambda: show_missed(missed))
        else:
            emit(found, as_json, lambda: show(found))
        show_findings(found.findings)


def show_missed(missed: Missed) -> None:
    """Why a rule did not answer, as a tree."""
    for answer in missed.answers:
        said = answer.reason if answer.reason in ("answered", "not met", "out of scope") else answer.text
        tree = Tree(f"[bold]{escape(answer.rule)}[/bold]  {escape(str(answer.where))}  {escape(said)}")
        for part in answer.parts:
            rest = f"; {part.near}" if part.near else ""
            tree.add(escape(f"{'met' if part.met else 'not met'}: {part.text} ({part.facts}){rest}"))
        if answer.by and answer.reason != "answered":
            tree.add(f"answered by {escape(answer.by)}")
        tree.add(f"{answer.family} on {answer.on}, release {missed.release}")
        _print(tree)


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
    _print(tree)


def _print(tree: Tree) -> None:
    """Print a tree whole: folded at the edge of a terminal, and line by line into anything else, which has no edge."""
    console = out if out.is_terminal else Console(highlight=False, width=WIDEST)
    console.print(tree, soft_wrap=False)
