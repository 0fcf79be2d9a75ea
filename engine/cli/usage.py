"""``tollbook usage``: fetch usage events; look at those that the books did not take, and at what became of late ones."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from engine.cli.options import day_or_today
from engine.cli.run import preview

if TYPE_CHECKING:
    from engine.app import Backfilled


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(
        help="Fetch usage, and look at what the books did not take, or came late.", no_args_is_help=True
    )
    app.add_typer(group, name="usage")

    _add_import(group)
    _add_pull(group)
    _add_missing(group)

    @group.command("refused")
    def refused(
        context: typer.Context,
        limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many, the newest first.")] = 100,
        as_json: JsonOption = False,
    ) -> None:
        """List events that the books did not take, with the reason; --json shows them word by word."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            rows = tollbook.usage_door().refused(limit)
        columns = ("at", "client", "entity", "source", "key", "code", "what")
        shown = ([f"{row['at']:%Y-%m-%d %H:%M}", *(row[name] for name in columns[1:])] for row in rows)
        emit([plain(row) for row in rows], as_json, lambda: table("", columns, shown))

    @group.command("late")
    def late(
        context: typer.Context,
        account: Annotated[str, typer.Option("--account", help="Those of this account only.")] = "",
        run: Annotated[int, typer.Option("--run", min=0, help="Those that this bill run ended only.")] = 0,
        limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many, the newest first.")] = 100,
        as_json: JsonOption = False,
    ) -> None:
        """List usage events that came after their days were billed, and how each ended."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            rows = tollbook.worklist.late(account, run, limit)
        columns = ("run", "account", "subscription", "meter", "day", "key", "quantity", "days late", "ended as", "on")
        shown = (
            [
                *(row[name] for name in ("run_id", "account", "subscription", "meter", "day", "key")),
                f"{row['quantity'].normalize():f}",
                *(row["days_late"], row["disposition"], ", ".join(row["lines"])),
            ]
            for row in rows
        )
        emit([plain(row) for row in rows], as_json, lambda: table("", columns, shown, right=(6, 7)))


def _add_missing(group: typer.Typer) -> None:
    @group.command("missing")
    def missing(
        context: typer.Context,
        on: Annotated[
            datetime | None,
            typer.Option("--on", formats=["%Y-%m-%d"], help="As a bill run of this day would see it; default: today."),
        ] = None,
        entity: Annotated[str, typer.Option("--entity", help="Of this legal entity only.")] = "",
        source: Annotated[str, typer.Option("--source", help="Of this source only.")] = "",
        as_json: JsonOption = False,
    ) -> None:
        """List deliveries that are overdue, and control totals that differ from what arrived."""
        day = day_or_today(on)
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.usage.control.lacking(day, preview(""), entity, source)
        columns = ("entity", "source", "meter", "from", "until", "what")
        rows = ((one.entity, one.source, one.meter, one.first_day, one.until, one.what) for one in found)
        emit(found, as_json, lambda: table("", columns, rows))


def _add_pull(group: typer.Typer) -> None:
    @group.command("pull")
    def pull(
        context: typer.Context,
        adapters: Annotated[
            list[str] | None, typer.Argument(metavar="[ADAPTER]...", help="Adapters of the port usage; all by default.")
        ] = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Fetch the usage that is new at the adapters of the port usage.

        Exit 1: an adapter failed; what it gave before is in the books, and the next pull goes on there.
        """
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "import", reason)
            told = tollbook.usage.pull(change, adapters or ())
        show_findings([finding for one in told for finding in one.failed])
        columns = ("adapter", "taken", "known", "refused", "cursor")
        rows = [msgspec.to_builtins(one) for one in told]
        shown = [[str(row[name]) for name in columns] for row in rows]
        emit(rows, as_json, lambda: table("", columns, shown))
        if any(one.failed for one in told):
            raise typer.Exit(WRONG_INPUT)


def _add_import(group: typer.Typer) -> None:
    @group.command("import")
    def import_file(
        context: typer.Context,
        file: Annotated[Path, typer.Argument(metavar="FILE", help="Usage events as CSV, JSON lines or Parquet.")],
        replace: Annotated[
            str,
            typer.Option(
                "--replace", metavar="SOURCE:FROM/TO", help="The file is all that the source has of these days."
            ),
        ] = "",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would change; write nothing.")] = False,
        on: Annotated[
            datetime | None,
            typer.Option("--date", formats=["%Y-%m-%d"], help="The business date; today where it is not given."),
        ] = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Add the usage events of a file, or replace those of some days by them; in one transaction.

        Exit 1: an event was refused.
        """
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "import", reason)
            today = (on or datetime.now(UTC)).date()
            told = tollbook.usage.backfill(file, change, today, replace, dry_run=dry_run)
        show_findings(told.findings)
        emit(told, as_json, lambda: _show(told))
        if told.refused:
            raise typer.Exit(WRONG_INPUT)


def _show(told: Backfilled) -> None:
    names = ("new", "known", "back", "conflict", "refused")
    table("Dry run: nothing is written" if told.dry else "", names, [[str(getattr(told, name)) for name in names]])
    if told.quantities:
        rows = [[one.entity, one.owner, one.of, f"{one.difference:+f}"] for one in told.quantities]
        table("Quantities", ("entity", "subscription", "meter", "difference"), rows)
    if told.money:
        rows = [[one.entity, one.owner, one.of, f"{one.difference:+f}"] for one in told.money]
        table("Next bill, before tax", ("entity", "account", "currency", "difference"), rows)
