"""``tollbook test``: whether the cases of the rule files come out as they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from engine.cli.common import WRONG_INPUT, JsonOption, emit, err, open_app, out, show_findings
from engine.cli.rules_check import MOST_FINDINGS, FoldersArgument

CoverageOption = Annotated[bool, typer.Option("--coverage", help="Show how many cases answer each rule.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("test")
    def test(
        context: typer.Context,
        folders: FoldersArgument = None,
        coverage: CoverageOption = False,
        as_json: JsonOption = False,
    ) -> None:
        """Run the cases of all rule files.  Silent when all come out as they say."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            report = tollbook.rule_desk(folders or ()).test()
        failed = sum(not result.passed for result in report.results)
        show_findings(report.findings, MOST_FINDINGS)
        if failed:
            err.print(f"{failed} of {len(report.results)} cases fail")

        def render() -> None:
            if coverage:
                _show(report.coverage, len(report.results))

        emit({"good": not failed, "cases": report.results, "coverage": report.coverage}, as_json, render)
        if failed:
            raise typer.Exit(WRONG_INPUT)


def _show(coverage: Sequence[Any], cases: int) -> None:
    """One line a rule: cases that answer it, its name, its place."""
    names = [f"{each.ruleset}#{each.rule}" for each in coverage]
    width = max(map(len, names), default=0)
    for name, each in zip(names, coverage, strict=True):
        out.print(f"{each.cases or '-':>5}  {name:<{width}}  {each.where}", markup=False)
    reached = sum(each.cases > 0 for each in coverage)
    out.print(f"{reached} of {len(coverage)} rules are reached by {cases} cases", markup=False)
