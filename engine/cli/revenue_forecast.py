"""``tollbook revenue forecast`` and ``discounts``: revenue ahead, and what was conceded of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import JsonOption, coins, emit, exact, open_app, out, plain, table

if TYPE_CHECKING:
    from engine.app import Forecast


def register_in(group: typer.Typer) -> None:
    """Add the verbs to those of revenue."""
    _register_forecast(group)
    _register_discounts(group)


def _register_forecast(group: typer.Typer) -> None:
    @group.command("forecast")
    def forecast(
        context: typer.Context,
        since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m"], help="The first month, as 2026-04.")],
        months: Annotated[int, typer.Option("--months", min=1, max=120, help="How many months.")] = 12,
        renewals: Annotated[
            bool, typer.Option("--renewals", help="Add what follows services that end, as rules and events say.")
        ] = False,
        chance: Annotated[
            str, typer.Option("--chance", help="How likely a renewal is, from 0 to 1; with --renewals.")
        ] = "1",
        tested: Annotated[
            int,
            typer.Option("--test", min=0, max=120, help="Compare forecasts of so many months before with the books."),
        ] = 0,
        entity: Annotated[str, typer.Option("--entity", help="One legal entity only.")] = "",
        as_json: JsonOption = False,
    ) -> None:
        """Show what of deferred revenue will be released, month by month, and how wrong such forecasts were."""
        share = exact(chance) if renewals else None
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            told = tollbook.forecasts.forecast(since.date(), months, chance=share, tested=tested, entity=entity)
        emit(_plain(told), as_json, lambda: _show(told, renewals))


def _plain(told: Forecast) -> dict[str, Any]:
    made = plain(told)
    for one, shown in zip(told.tested, made["tested"], strict=True):
        for month, row in zip(one.months, shown["months"], strict=True):
            row["error"] = None if month.error is None else str(month.error)
    return dict(made)


def _show(told: Forecast, renewals: bool) -> None:
    rows: list[tuple[str, ...]] = []
    for one in told.items:
        for place, month in enumerate(told.months):
            amounts = (one.scheduled[place], one.renewals[place], one.scheduled[place] + one.renewals[place])
            shown = [coins(amount, one.currency) for amount in (amounts if renewals else amounts[:1])]
            rows.append((one.entity, f"{month:%Y-%m}", *shown, one.currency))
    columns = ("entity", "month", "scheduled", *(("renewals", "both") if renewals else ()), "currency")
    right = range(2, len(columns) - 1)
    table("revenue that will be released", columns, rows, right=right) if rows else out.print("nothing is deferred")
    for test in told.tested:
        missed = [
            (
                *(f"{one.month:%Y-%m}", coins(one.forecast, one.currency), coins(one.actual, one.currency)),
                *(one.currency, "" if one.error is None else f"{one.error * 100:.1f} %"),
            )
            for one in test.months
        ]
        table(f"forecasts of {test.entity}", ("month", "forecast", "recognised", "", "off by"), missed, right=(1, 2, 4))
        for currency, error in test.mape.items():
            out.print(f"{test.entity}: forecasts in {currency} were off by {error * 100:.1f} % on average")


def _register_discounts(group: typer.Typer) -> None:
    @group.command("discounts")
    def discounts(
        context: typer.Context,
        since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")],
        until: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")],
        as_json: JsonOption = False,
    ) -> None:
        """List credits, discounts and write-offs by hand: who asked, who approved, what they have taken of revenue."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.forecasts.conceded(since.date(), until.date())

        def render() -> None:
            columns = ("day", "what", "account", "reason", "key", "by", "approved by", "revenue", "expense", "currency")
            rows = [
                (
                    *(one.on, one.kind, one.account, one.reason, one.key, one.maker, one.checker or "-"),
                    *(coins(one.revenue, one.currency), coins(one.expense, one.currency), one.currency),
                )
                for one in found
            ]
            table("conceded by hand", columns, rows, right=(7, 8)) if rows else out.print(
                "nothing was conceded by hand"
            )

        emit(found, as_json, render)
