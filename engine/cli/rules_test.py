"""``tollbook test``: whether the cases of the rule files come out as they say, and how much they hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from engine.cli.common import WRONG_INPUT, JsonOption, coins, emit, err, open_app, out, show_findings
from engine.cli.rules_check import MOST_FINDINGS, FoldersArgument

CoverageOption = Annotated[bool, typer.Option("--coverage", help="Show how many cases answer each rule.")]
MutateOption = Annotated[
    bool, typer.Option("--mutate", help="Put small mistakes into the rules, and name those that no case notices.")
]
MostOption = Annotated[int, typer.Option("--most", help="Mistakes tried a rule set at most.", min=1, max=100_000)]
OnlyOption = Annotated[list[str] | None, typer.Option("--only", help="Look at this rule set alone; with --mutate.")]
StrictOption = Annotated[bool, typer.Option("--strict", help="With --mutate: leave with 1 where a mistake survives.")]
HistoryOption = Annotated[
    bool, typer.Option("--history", help="Show how often the books used each rule, when last, and for how much.")
]
FromOption = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="With --history: first day.")]
ToOption = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="With --history: last day.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("test")
    def test(
        context: typer.Context,
        folders: FoldersArgument = None,
        coverage: CoverageOption = False,
        mutate: MutateOption = False,
        most: MostOption = 200,
        only: OnlyOption = None,
        strict: StrictOption = False,
        history: HistoryOption = False,
        first: FromOption = None,
        last: ToOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Run the cases of all rule files.  Silent when all come out as they say."""
        from engine.app.kit import AuthoringDesk, rule_desk

        with rule_desk(context.obj.config, context.obj.overrides, folders or ()) as desk:
            report = desk.test()
            failed = sum(not result.passed for result in report.results)
            strengths = AuthoringDesk(desk).mutate(most, only or ()) if mutate and not failed else ()
        days, used = (first.date() if first else None, last.date() if last else None), None
        if history:
            with open_app(context.obj.config, context.obj.overrides) as tollbook:
                used = tollbook.rule_history(folders or (), *days)
        show_findings(report.findings, MOST_FINDINGS)
        if failed:
            err.print(f"{failed} of {len(report.results)} cases fail")
        survived = [weakness for each in strengths for weakness in each.survived]

        def render() -> None:
            if coverage:
                _show(report.coverage, len(report.results))
            if mutate and not failed:
                _show_strength(strengths)
            if used is not None:
                _show_history(used)

        result: dict[str, Any] = {"good": not failed, "cases": report.results, "coverage": report.coverage}
        result |= {"mutation": strengths} if mutate else {}
        result |= {"history": used} if history else {}
        emit(result, as_json, render)
        if failed or (strict and survived):
            raise typer.Exit(WRONG_INPUT)


def _show(coverage: Sequence[Any], cases: int) -> None:
    """One line a rule: cases that answer it, its name, its place."""
    names = [f"{each.ruleset}#{each.rule}" for each in coverage]
    width = max(map(len, names), default=0)
    for name, each in zip(names, coverage, strict=True):
        out.print(f"{each.cases or '-':>5}  {name:<{width}}  {each.where}", markup=False)
    reached = sum(each.cases > 0 for each in coverage)
    out.print(f"{reached} of {len(coverage)} rules are reached by {cases} cases", markup=False)


def _show_strength(strengths: Sequence[Any]) -> None:
    """The mistakes that no case notices, and by rule set how many were noticed."""
    for each in strengths:
        for weakness in each.survived:
            out.print(f"{weakness.where}: {weakness.ruleset}#{weakness.rule}: {weakness.what}", markup=False)
    for each in strengths:
        word = "good" if not each.survived else "weak"
        rest = f" of {each.mutants}" if each.mutants != each.asked else ""
        cases = f"{each.cases} case{'' if each.cases == 1 else 's'}"
        same = f", {each.equivalent} marked as equivalent" if each.equivalent else ""
        line = f"{word}  {each.ruleset}: {each.noticed} of {each.asked}{rest} mistakes noticed by {cases}{same}"
        out.print(line, markup=False)


def _show_history(used: Any) -> None:
    """The rules that nothing in the books was decided by, then all others with their last day and their amounts."""
    known = [each for each in used.rules if each.kept]
    names = [f"{each.ruleset}#{each.rule}" for each in known]
    width = max(map(len, names), default=0)
    for name, each in zip(names, known, strict=True):
        last = each.last or "never"
        sums = ", ".join(f"{coins(amount, currency)} {currency}" for currency, amount in each.amounts.items())
        line = f"{each.times or '-':>9}  {last!s:<10}  {name:<{width}}  {each.where}"
        out.print(f"{line}  {sums}".rstrip(), markup=False)
    never = sum(not each.times for each in known)
    out.print(f"{never} of {len(known)} rules were never used", markup=False)
    if used.not_kept:
        out.print(f"the books hold no decision of, so nothing is known of {', '.join(used.not_kept)}", markup=False)
