"""``tollbook import``: a folder of files into the books."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import (
    WRONG_INPUT,
    Bars,
    JsonOption,
    PersonOption,
    ReasonOption,
    emit,
    open_app,
    out,
    show_findings,
    table,
)

if TYPE_CHECKING:
    from engine.app import ImportReport


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("import")
    def import_folder(
        context: typer.Context,
        folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder with the files.")],
        on: Annotated[
            datetime | None,
            typer.Option("--date", formats=["%Y-%m-%d"], help="The business date; today where it is not given."),
        ] = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Import accounts, plans, contracts, subscriptions, usage and rates.  The same folder twice changes nothing.

        Rows that are wrong are quarantined, each with a finding that names file and line; everything else is loaded.
        Exit 1: a file was refused whole, or there was nothing to read.
        """
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "import", reason)
            today = (on or datetime.now(UTC)).date()
            with Bars() as bars:
                report = tollbook.import_folder(folder, change, today, bars)
        show_findings(report.findings)
        emit(report, as_json, lambda: show(report))
        if report.refused:
            raise typer.Exit(WRONG_INPUT)


def show(report: ImportReport) -> None:
    """An import for people: what became of each file."""
    names = ("rows", "new", "changed", "same", "quarantined")
    rows = [(f.name, *(getattr(f, n) for n in names), "refused" if f.refused else "") for f in report.files]
    sums = ("all files", *(report.counts[name] for name in names), "")
    table("", ("file", *names, ""), [*rows, sums], right=range(1, 6))
    if report.state == "unchanged":
        earlier = f"; run {report.run_id} imported the same content" if report.run_id else ""
        out.print(f"nothing changed: the books said all of it already{earlier}")
    else:
        kept = f", {report.counts['findings']} findings kept with it" if report.counts["findings"] else ""
        out.print(f"run {report.run_id}: import done{kept}")
