"""``tollbook rates``: fetch exchange rates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from engine.cli.common import (
    WRONG_INPUT,
    JsonOption,
    PersonOption,
    ReasonOption,
    emit,
    open_app,
    plain,
    show_findings,
    table,
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Exchange rates.", no_args_is_help=True)
    app.add_typer(group, name="rates")

    @group.command("fetch")
    def fetch(
        context: typer.Context,
        adapters: Annotated[
            list[str] | None, typer.Argument(metavar="[ADAPTER]...", help="Adapters of the port fx; all by default.")
        ] = None,
        on: Annotated[
            datetime | None,
            typer.Option("--date", formats=["%Y-%m-%d"], help="The day whose rates are wanted; today by default."),
        ] = None,
        since: Annotated[
            datetime | None,
            typer.Option("--from", formats=["%Y-%m-%d"], help="The rates of all days from this one on."),
        ] = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Fetch the exchange rates that the books need; those that are in the books stay as they are.

        Exit 1: an adapter failed, or has no rate for a pair of currencies; what it gave is in the books.
        """
        last = (on or datetime.now(UTC)).date()
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "import", reason)
            told = tollbook.ledger.fetch_rates(change, since.date() if since else last, last, adapters or ())
        show_findings([finding for one in told for finding in one.findings])
        columns = ("adapter", "asked", "taken", "known", "differing")
        rows = [msgspec.structs.asdict(one) for one in told]
        shown = [[str(row[name]) for name in columns] for row in rows]
        emit([plain(row) for row in rows], as_json, lambda: table("", columns, shown, right=(1, 2, 3, 4)))
        if any(one.failed for one in told):
            raise typer.Exit(WRONG_INPUT)
