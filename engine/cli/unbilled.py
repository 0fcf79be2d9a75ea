"""``tollbook unbilled``: what waits and for what, and what is owed and not billed yet."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import JsonOption, PersonOption, emit, open_app, out, show_findings, table
from engine.cli.options import day_or_today
from engine.cli.run import preview

if TYPE_CHECKING:
    from engine.app import Unbilled

WORDS = {
    "go_live": "its go-live",
    "milestone": "a milestone",
    "unplanned": "milestones that nobody has planned",
    "cycle_end": "the end of its cycle",
}


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("unbilled")
    def unbilled(
        context: typer.Context,
        account: Annotated[str | None, typer.Option("--account", help="This account only.")] = None,
        on: Annotated[
            datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="The business date; default: today.")
        ] = None,
        person: PersonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Show what waits for a go-live or a milestone, and what a run would bill now, usage of running cycles included.

        Amounts are before tax.  Nothing is billed.
        """
        day = day_or_today(on)
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.triggers.unbilled(day, account, preview(person))
        show_findings([finding for finding in found.findings if finding.level != "info"])
        emit(found, as_json, lambda: show(found))


def show(found: Unbilled) -> None:
    """What is unbilled, for people."""
    if found.waiting:
        heads = ("account", "subscription", "charge", "waits for", "since", "expected", "amount", "")
        table("waits", heads, [_waiting(one) for one in found.waiting], right=(6,))
    if found.accrued:
        columns = ("account", "subscription", "charge", "service", "quantity", "amount", "")
        rows = [
            (
                one.account,
                one.subscription,
                one.text,
                f"{one.service_from}..{one.service_to}",
                f"{one.quantity.normalize():f}",
                f"{one.amount:,}",
                one.currency,
            )
            for one in found.accrued
        ]
        table("owed and not billed", columns, rows, right=(4, 5))
    currencies = sorted({*found.waits, *found.owed})
    sums = [(currency, _sum(found.waits, currency), _sum(found.owed, currency)) for currency in currencies]
    table(f"unbilled on {found.on}", ("currency", "waits", "owed"), sums, right=(1, 2))
    out.print("before tax; of recurring charges that wait, the amount of one cycle")


def _waiting(one: Any) -> tuple[Any, ...]:
    name = f"{WORDS[one.reason]}: {one.name}" if one.milestone else WORDS[one.reason]
    amount = "no price" if one.amount is None else f"{one.amount:,}"
    return one.account, one.subscription, one.charge, name, one.since, one.expected or "", amount, one.currency


def _sum(sums: Any, currency: str) -> str:
    return f"{sums.get(currency, 0):,}"
