"""``tollbook check``: whether the rule files are right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.base.errors import TollbookError
from engine.cli.common import WRONG_INPUT, JsonOption, emit, show_findings

FoldersArgument = Annotated[
    list[Path] | None, typer.Argument(help="Folders of rules, later ones laid over earlier ones; else the config's.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Say also which rules are not analysed, and why.")]
MOST_FINDINGS = 1000


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("check")
    def check(
        context: typer.Context,
        folders: FoldersArgument = None,
        everything: AllOption = False,
        as_json: JsonOption = False,
    ) -> None:
        """Check all rule files: shape, types, units, conditions, overlaps, dead rules, gaps.  Silent when all is good."""
        from engine.app.kit import rule_desk

        with rule_desk(context.obj.config, context.obj.overrides, folders or ()) as desk:
            try:
                book = desk.check(everything)
            except TollbookError as error:
                show_findings(error.findings, MOST_FINDINGS)
                emit({"good": False, "findings": error.findings}, as_json)
                raise typer.Exit(WRONG_INPUT) from None
        show_findings(book.warnings, MOST_FINDINGS)
        result = {
            "good": True,
            "release": book.release,
            "rulesets": len(book.rulesets),
            "rules": len(book.decisions()),
            "findings": book.warnings,
        }
        emit(result, as_json)
