"""``tollbook runs``: what ran, what it did, and going on with what was interrupted."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.acting import show_outcome
from engine.cli.common import Bars, JsonOption, PersonOption, ReasonOption, emit, open_app, plain, show_findings, table
from engine.cli.run import show


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Look at runs, and resume them.", no_args_is_help=True)
    app.add_typer(group, name="runs")

    @group.command("list")
    def listing(context: typer.Context, as_json: JsonOption = False) -> None:
        """List runs, the newest first."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            runs = tollbook.runs()
        columns = ("run", "kind", "period", "scope", "state", "release", "rules", "by", "reason")
        rows = [(r.id, r.kind, r.period, r.scope, r.state, r.release, r.rules, r.who, r.reason) for r in runs]
        emit([{**plain(run), "rules": run.rules} for run in runs], as_json, lambda: table("", columns, rows))

    @group.command("show")
    def one(
        context: typer.Context,
        run_id: Annotated[int, typer.Argument(help="Number of the run.")],
        as_json: JsonOption = False,
    ) -> None:
        """Show what a run did and found."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            report = tollbook.report(run_id)
        show_findings(report.findings)
        emit(report, as_json, lambda: show(report))

    @group.command("resume")
    def resume(
        context: typer.Context,
        run_id: Annotated[int, typer.Argument(help="Number of the run.")],
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Go on with an interrupted bill run, with the release and the usage that it pinned."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook, Bars() as bars:
            change = tollbook.change(person, "run", reason)
            report = tollbook.resume(run_id, change, bars)
        show_findings(report.findings)
        emit(report, as_json, lambda: show(report))

    @group.command("abandon")
    def give_up(
        context: typer.Context,
        run_id: Annotated[int, typer.Argument(help="Number of the run.")],
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """End a bill run that cannot be finished, or propose it: what it billed stays, the rest is on the next bill."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            outcome = tollbook.abandon(run_id, tollbook.change(person, "run", reason))
            report = tollbook.report(run_id)
        show_outcome(outcome, as_json, report, lambda: show(report))
