"""``tollbook cutover``: compare the first bill run with the old system."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from engine.app import Comparison, open_app
from engine.cli.common import WRONG_INPUT, Bars, JsonOption, PersonOption, emit, out, show_findings, table
from engine.cli.run import preview


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Come over from another billing system.", no_args_is_help=True)
    app.add_typer(group, name="cutover")

    @group.callback()
    def options() -> None:
        pass

    @group.command("compare")
    def compare(
        context: typer.Context,
        file: Annotated[Path, typer.Argument(metavar="PREVIEW", help="What the old system would bill, line by line.")],
        on: Annotated[datetime, typer.Option("--on", formats=["%Y-%m-%d"], help="The date of the first bill run.")],
        limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most this many accounts.")] = 20,
        person: PersonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Compare a dry run with the preview of the old system, account by account.  Exit 1 where they differ.

        The file has the columns account, subscription, charge, service_from, service_to, currency and amount, and may have
        entity and tax.  Nothing is written.
        """
        with open_app(context.obj.config, context.obj.overrides) as tollbook, Bars() as bars:
            result = tollbook.compare_cutover(on.date(), file, preview(person), bars)
        show_findings([finding for finding in result.findings if finding.code.startswith(("intake.", "cutover."))])
        emit(result, as_json, lambda: show(result, limit))
        if not result.same:
            raise typer.Exit(WRONG_INPUT)


def show(result: Comparison, limit: int) -> None:
    """A comparison for people: totals, then the accounts that differ, each line with its reason."""
    sums = [(*row, row[4] - row[2]) for row in result.totals]
    columns = ("currency", "old lines", "old net", "new lines", "new net", "difference")
    table(f"first bill run of {result.on}, release {result.release}", columns, sums, right=range(1, 6))
    for one in result.accounts[:limit]:
        rows = [
            (
                d.subscription,
                d.charge,
                f"{d.service_from}..{d.service_to}",
                "-" if d.old is None else d.old,
                "-" if d.new is None else d.new,
                d.currency,
                d.reason,
            )
            for d in one.differences
        ]
        name = f"{one.entity}/{one.account}" if one.entity else one.account
        table(f"account {name}", ("subscription", "charge", "service", "old", "new", "", "why"), rows, right=(3, 4))
    more = len(result.accounts) - limit
    if more > 0:
        out.print(f"... and {more} more accounts that differ")
    if result.beside:
        out.print(f"{result.beside} accounts that did not come over are billed beside them, and not compared")
    unread = f", {result.unread} rows of the preview could not be read" if result.unread else ""
    out.print(f"{result.equal} lines are equal, {len(result.accounts)} accounts differ{unread}")
