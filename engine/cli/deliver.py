"""``tollbook deliver``: tell the outbox to the delivery adapters."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.common import Bars, JsonOption, PersonOption, ReasonOption, emit, open_app, out, show_findings


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("deliver")
    def deliver(
        context: typer.Context,
        limit: Annotated[int, typer.Option("--limit", min=1, help="Deliver at most this many.")] = 1_000_000,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Deliver the invoices that wait in the outbox.  What was delivered is not delivered again."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook, Bars() as bars:
            change = tollbook.change(person, "deliver", reason)
            report = tollbook.deliver(change, limit=limit, progress=bars)
        show_findings(report.findings)
        counts = report.counts
        if "cleared" in counts and not as_json:
            words = f"{counts['cleared']} cleared, {counts['unanswered']} not answered yet, {counts['refused']} rejected by authorities"
            out.print(words, markup=False)
        held = f", {counts['held']} of them held" if counts.get("held") else ""
        emit(
            report,
            as_json,
            lambda: out.print(
                f"{counts['accepted']} delivered, {counts['retry']} to be tried again{held}, {counts['rejected']} rejected"
            ),
        )
