"""``tollbook revenue show``, ``roll-forward``, ``remaining`` and ``export``: what schedules say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.common import JsonOption, coins, emit, open_app, out, plain, table
from engine.cli.revenue_events import LineArgument
from engine.cli.revenue_recognise import EntityOption, first_day, last_day

MOVES = ("opening", "brought", "invoiced", "credited", "at_once", "recognised", "closing", "ledger", "difference", "fx")


def register_in(group: typer.Typer) -> None:
    """Add the verbs."""
    _register_show(group)
    _register_sums(group)
    _register_export(group)


def _register_show(group: typer.Typer) -> None:
    @group.command("show")
    def show(context: typer.Context, line: LineArgument, as_json: JsonOption = False) -> None:
        """Show the schedule of an invoice line: months, what is recognised, by which entries, and what it waits for."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.revenue.shown(line)

        def render() -> None:
            out.print(f"{found.line}: {found.text}", markup=False)
            out.print(f"rule {found.rule}; contract liability {found.liability}", markup=False)
            sums = ", ".join(
                f"{coins(amount, found.currency)} {found.currency} {word}"
                for word, amount in (
                    ("left after credits", found.amount),
                    ("recognised", found.recognised),
                    ("remaining", found.remaining),
                )
            )
            out.print(f"{coins(found.whole, found.currency)} {found.currency} invoiced, {sums}", markup=False)
            if found.missing:
                out.print(f"missing: {found.missing}", markup=False)
            for event in found.events:
                word = "let go by two persons" if event.override else event.kind
                out.print(f"{event.on} {word} {event.key} {event.note}".rstrip(), markup=False)
            rows = [
                (f"{one.month:%Y-%m}", coins(one.planned, found.currency), coins(one.recognised, found.currency), ", ".join(map(str, one.entries)))
                for one in found.months
            ]  # fmt: skip
            table("", ("month", "planned", "recognised", "entries"), rows, right=(1, 2))

        emit(plain(found), as_json, render)


def _register_sums(group: typer.Typer) -> None:
    @group.command("roll-forward")
    def roll_forward(
        context: typer.Context,
        first: Annotated[str, typer.Option("--from", help="The first day, or month.")],
        last: Annotated[str, typer.Option("--to", help="The last day, or month.")],
        entity: EntityOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Show how contract liabilities moved, and that the ledger has the same; exit 1 where it has not."""
        days = (first_day(first), last_day(last))
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.revenue.roll_forward(*days, entity)
        rows = [
            (one.entity, one.account, one.currency, *(coins(getattr(one, name), one.currency) for name in MOVES))
            for one in found
        ]
        names = ("entity", "account", "currency", *MOVES)
        title = f"contract liabilities from {days[0]} to {days[1]}"
        emit(plain(found), as_json, lambda: table(title, names, rows, right=range(3, 13)))
        if any(one.difference or one.fx for one in found):
            raise typer.Exit(1)

    @group.command("remaining")
    def remaining(
        context: typer.Context,
        on: Annotated[str, typer.Option("--on", help="After this day, or month; default: today.")] = "",
        by: Annotated[str, typer.Option("--by", help="year or month.")] = "month",
        entity: EntityOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Show what is invoiced and still to be recognised, by month or year; what waits for an event has none."""
        day = last_day(on) if on else datetime.now(UTC).date()
        if by not in ("month", "year"):
            raise typer.BadParameter("year or month", param_hint="--by")
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.revenue.remaining(day, entity)
        sums: dict[tuple[str, str, str], Decimal] = {}
        for one in found:
            key = (one.entity, one.currency, one.year if by == "year" else one.month)
            sums[key] = sums.get(key, Decimal(0)) + one.amount
        names = ("entity", "currency", by, "amount")
        told = [dict(zip(names, (*key, amount), strict=True)) for key, amount in sums.items()]
        rows = [
            (owner, currency, when or "waits", coins(amount, currency))
            for (owner, currency, when), amount in sums.items()
        ]
        emit(plain(told), as_json, lambda: table(f"to be recognised after {day}", names, rows, right=(3,)))


def _register_export(group: typer.Typer) -> None:
    @group.command("export")
    def export(
        context: typer.Context,
        file: Annotated[Path, typer.Argument(help="The file to be written.")],
        form: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
        through: Annotated[str, typer.Option("--through", help="Posted up to this day, or month; default: all.")] = "",
        entity: EntityOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Write schedules, and what was recognised of them by month and entry, to a file."""
        day = last_day(through) if through else date.max
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            count = tollbook.revenue.export(file, form, day, entity)
        emit({"file": str(file), "rows": count}, as_json, lambda: out.print(f"{count} rows to {file}", markup=False))
