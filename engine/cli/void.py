"""``tollbook void``: give back an invoice that should not have been, so that what is owed is billed again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, show_findings
from engine.cli.run import show


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("void")
    def void(
        context: typer.Context,
        number: Annotated[str, typer.Argument(help="The number of the invoice.")],
        on: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The day of the credit note.")],
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Issue a credit note over all that is left of an invoice; the next bill run bills its lines as they are owed then."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            report = tollbook.void(number, on.date(), tollbook.change(person, "run", reason))
        show_findings(report.findings)
        emit(report, as_json, lambda: show(report))
