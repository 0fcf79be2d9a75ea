"""``tollbook close``: a month is checked, closed step by step, and opened again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.acting import show_outcome
from engine.cli.common import (
    WRONG_INPUT,
    JsonOption,
    PersonOption,
    ReasonOption,
    coins,
    emit,
    open_app,
    out,
    plain,
    show_findings,
    table,
)
from engine.cli.run import preview
from engine.model.close import CheckResult, CloseReport

EntityOption = Annotated[str, typer.Option("--entity", help="Key of the legal entity.")]
MonthOption = Annotated[datetime, typer.Option("--month", formats=["%Y-%m"], help="The month, such as 2026-01.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Close a month: check it, do its steps, keep the evidence.", no_args_is_help=True)
    app.add_typer(group, name="close")
    _register_check(group)
    _register_run(group)
    _register_looking(group)
    _register_acts(group)


def _register_check(group: typer.Typer) -> None:
    @group.command("check")
    def check(
        context: typer.Context,
        entity: EntityOption,
        month: MonthOption,
        only: Annotated[list[str] | None, typer.Option("--check", help="This check only; may be given again.")] = None,
        limit: Annotated[int, typer.Option("--limit", min=1, help="Findings that are shown of each check.")] = 20,
        as_json: JsonOption = False,
    ) -> None:
        """Check whether a month can be closed: what is found, what is at stake, how old it is, who sees to it, and the command that
        mends it.  Exit 1 where anything keeps the month from being closed."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            results = tollbook.closing.check(entity, month.date(), preview(""), only or ())
        emit(plain(results), as_json, lambda: _results(results, limit))
        if any(one.blocks for result in results for one in result.findings):
            raise typer.Exit(WRONG_INPUT)


def _register_run(group: typer.Typer) -> None:
    @group.command("run")
    def run(
        context: typer.Context,
        entity: EntityOption,
        month: MonthOption,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Do the steps of a month's close as far as nothing is in the way; go on where it was stopped.  Exit 1 where a step is blocked."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = preview(person) if dry_run else tollbook.change(person, "close", reason)
            report = tollbook.closing.run(entity, month.date(), change, dry_run=dry_run)
        show_findings(report.findings)
        emit(plain(report), as_json, lambda: _report(report))
        if any(step.state == "blocked" for step in report.steps):
            raise typer.Exit(WRONG_INPUT)


def _register_looking(group: typer.Typer) -> None:
    @group.command("show")
    def show(context: typer.Context, entity: EntityOption, month: MonthOption, as_json: JsonOption = False) -> None:
        """Show how a month's close stands: its period, each step with since when, and what was let go."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            report = tollbook.closing.shown(entity, month.date())
            waivers = tollbook.closing.waivers(entity, month.date())

        def render() -> None:
            _report(report)
            if waivers:
                columns = ("check", "about", "what", "amount", "asked by", "because", "let go by", "on")
                rows = [
                    (
                        w.code,
                        w.subject,
                        w.what,
                        _money(w.amount, w.currency),
                        w.asked_by,
                        w.reason,
                        w.waived_by,
                        f"{w.at:%F}",
                    )
                    for w in waivers
                ]
                table("let go", columns, rows, right=(3,))

        emit({**plain(report), "waivers": plain(waivers)}, as_json, render)

    @group.command("history")
    def history(context: typer.Context, entity: EntityOption, month: MonthOption, as_json: JsonOption = False) -> None:
        """Show everything that happened to a month: steps of its close, adjustments, closed and opened again."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            told = tollbook.closing.history(entity, month.date())
        rows = [(f"{one.at:%Y-%m-%d %H:%M}", one.who, one.what, one.state, one.words) for one in told]
        emit(plain(told), as_json, lambda: table("", ("at (UTC)", "who", "what", "state", ""), rows))

    @group.command("evidence")
    def evidence(
        context: typer.Context,
        entity: EntityOption,
        month: MonthOption,
        output: Annotated[Path, typer.Option("--output", help="A new folder, or a new file that ends with .zip.")],
        as_json: JsonOption = False,
    ) -> None:
        """Write the evidence of a month's close: trial balance, journal, roll-forward, checks, waivers, runs; with a manifest."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            sizes = tollbook.closing.evidence(entity, month.date(), output)
        result = {"entity": entity, "month": f"{month:%Y-%m}", "files": sizes, "output": str(output)}
        emit(result, as_json, lambda: out.print(f"{len(sizes)} files written to {output}", markup=False))


def _register_acts(group: typer.Typer) -> None:
    @group.command("waive")
    def waive(
        context: typer.Context,
        check: Annotated[str, typer.Argument(help="Code of the check.")],
        about: Annotated[str, typer.Argument(help="What the finding is about, as close check shows it.")],
        entity: EntityOption,
        month: MonthOption,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Propose to let a finding go, as it is now; a second person approves it.  A finding that changes is not let go by it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "close", reason)
            outcomes = tollbook.closing.waive(entity, month.date(), check, about, change)
        result = {"entity": entity, "month": f"{month:%Y-%m}", "check": check, "about": about}
        for outcome in outcomes:
            show_outcome(outcome, as_json, result, lambda: out.print(f"{check}: {about} is let go", markup=False))

    @group.command("reopen")
    def reopen(
        context: typer.Context,
        entity: EntityOption,
        month: MonthOption,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Open a closed month again, or propose it where that needs two persons; its close begins anew."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            outcome = tollbook.closing.reopen(entity, month.date(), tollbook.change(person, "close", reason))
        result = {"entity": entity, "month": f"{month:%Y-%m}", "state": "open"}
        show_outcome(outcome, as_json, result, lambda: out.print(f"{entity} {month:%Y-%m} is open", markup=False))


def _results(results: list[CheckResult], limit: int) -> None:
    columns = ("check", "severity", "owner", "open", "let go")
    rows = []
    for result in results:
        still = sum(one.state == "open" for one in result.findings)
        rows.append((result.code, result.severity, result.owner, still or "", len(result.findings) - still or ""))
    table("", columns, rows, right=(3, 4))
    for result in results:
        if result.left_out:
            out.print(f"{result.code} is left out by {result.left_out}", markup=False)
        if result.findings:
            _findings(result, limit)


def _findings(result: CheckResult, limit: int) -> None:
    columns = ("about", "what", "amount", "days", "mend, or who let it go")
    shown = result.findings[:limit]
    rows = [
        (f.subject, f.what, _money(f.amount, f.currency), "" if f.age is None else f.age, f.by or f.mend) for f in shown
    ]
    table(f"{result.title} ({result.code})", columns, rows, right=(2, 3))
    if len(shown) < len(result.findings):
        out.print(f"... and {len(result.findings) - len(shown)} more; --limit shows them", markup=False)


def _report(report: CloseReport) -> None:
    rows = [
        (s.step, s.title, s.state, f"{s.since:%Y-%m-%d %H:%M}" if s.since else "", s.who, s.what) for s in report.steps
    ]
    table("", ("step", "", "state", "since (UTC)", "by", "what"), rows)
    if report.in_the_way:
        columns = ("check", "about", "what", "amount", "owner", "mend")
        found = [(f.check, f.subject, f.what, _money(f.amount, f.currency), f.owner, f.mend) for f in report.in_the_way]
        table("in the way", columns, found, right=(3,))
    words = " (dry run: nothing is changed)" if report.dry else ""
    out.print(f"{report.entity} {report.month} is {report.period}{words}", markup=False)


def _money(amount: Any, currency: str) -> str:
    return "" if amount is None else f"{coins(amount, currency)} {currency}"
