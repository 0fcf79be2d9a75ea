"""``tollbook revenue recognise``: post what is earned."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated

import typer

from engine.base.errors import Code, refuse
from engine.base.period import add_months
from engine.cli.common import (
    Bars,
    JsonOption,
    PersonOption,
    ReasonOption,
    coins,
    emit,
    err,
    open_app,
    out,
    show_findings,
    table,
)

NO_DAY = Code("revenue.no-day", "A day or month of revenue that is neither.")

EntityOption = Annotated[str, typer.Option("--entity", help="Only this legal entity.")]


def last_day(text: str) -> date:
    """The day that a text means: a day, or the last one of a month.

    Raises:
        TollbookError: ``revenue.no-day``.
    """
    try:
        if len(text) == 7:
            return add_months(date.fromisoformat(f"{text}-01"), 1) - timedelta(days=1)
        return date.fromisoformat(text)
    except ValueError:
        raise refuse(
            NO_DAY, f"{text!r} is no day", mend="write YYYY-MM-DD, or YYYY-MM for the end of a month"
        ) from None


def first_day(text: str) -> date:
    """The day that a text means: a day, or the first one of a month.

    Raises:
        TollbookError: ``revenue.no-day``.
    """
    return last_day(text).replace(day=1) if len(text) == 7 else last_day(text)


def register_in(group: typer.Typer) -> None:
    """Add the verb."""

    @group.command("recognise")
    def recognise(
        context: typer.Context,
        through: Annotated[str, typer.Option("--through", help="The last day, or a month: 2026-03-31, 2026-03.")],
        entity: EntityOption = "",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the entries; write nothing.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Post what schedules have earned up to and with a day, by legal entity, month and currency.

        What was posted is not posted again. What belongs to a closed month is posted in the next one that is open.
        """
        day = last_day(through)
        with open_app(context.obj.config, context.obj.overrides) as tollbook, Bars() as bars:
            change = tollbook.change(person, "run", reason)
            report = tollbook.revenue.recognise(day, change, entity=entity, dry_run=dry_run, progress=bars)
        show_findings(report.findings)

        def render() -> None:
            names = ("entity", "month", "posting_date", "currency", "amount", "schedules")
            rows = [
                (
                    *(str(one[name]) for name in names[:4]),
                    *(coins(Decimal(one["amount"]), one["currency"]), str(one["schedules"])),
                )
                for one in report.details
            ]
            if rows:
                table(f"recognised through {day}", tuple(n.replace("_", " ") for n in names), rows, right=(4, 5))
            else:
                out.print(f"nothing is due through {day}")
            err.print("dry run: nothing is written" if dry_run else f"run {report.run_id}: {report.state}")

        emit(report, as_json, render)
