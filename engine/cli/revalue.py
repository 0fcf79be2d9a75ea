"""``tollbook ledger revalue``: what is owed in foreign currency, at a closing rate."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.common import (
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

if TYPE_CHECKING:
    from engine.app import Revaluation


def register_revalue(group: typer.Typer) -> None:
    """Add the verb to those of the ledger."""

    @group.command("revalue")
    def revalue(
        context: typer.Context,
        on: Annotated[
            datetime, typer.Option("--on", formats=["%Y-%m-%d"], help="The closing date, such as the end of a month.")
        ],
        entity: Annotated[str | None, typer.Option("--entity", help="Only the books of this legal entity.")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would book; write nothing.")] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Book what money owed in foreign currency has gained or lost by the closing rate, and turn it round on the next day.

        A day that is revalued again books what has changed since; the same again shows what stands. What is owed in services keeps
        its rate.
        """
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "run", reason)
            told = tollbook.ledger.revalue(on.date(), change, entity=entity, dry_run=dry_run)
        show_findings(told.findings)
        emit(_plain(told), as_json, lambda: _show(told))


COLUMNS = ("entity", "account", "customer", "amount", "kept at", "rate", "of", "worth", "gain or loss", "before")


def _plain(told: Revaluation) -> dict[str, Any]:
    return {
        "on": told.on,
        "run": told.run_id,
        "dry_run": told.dry,
        "repeated": told.repeated,
        "entries": told.entries,
        "items": [
            {
                "entity": item.exposure.entity,
                "account": item.exposure.account,
                "customer": item.exposure.customer,
                "currency": item.exposure.currency,
                "amount": coins(item.exposure.amount, item.exposure.currency),
                "functional_currency": item.exposure.functional_currency,
                "kept_at": coins(item.exposure.functional, item.exposure.functional_currency),
                "rate": f"{item.rate.rate.normalize():f}",
                "rate_source": item.rate.source,
                "rate_on": item.rate.on,
                "worth": coins(item.worth, item.exposure.functional_currency),
                "difference": coins(item.difference, item.exposure.functional_currency),
                "before": coins(item.before, item.exposure.functional_currency),
            }
            for item in told.items
        ],
        "findings": told.findings,
    }


def _show(told: Revaluation) -> None:
    rows = [
        (
            item.exposure.entity,
            item.exposure.account,
            item.exposure.customer or "-",
            f"{coins(item.exposure.amount, item.exposure.currency)} {item.exposure.currency}",
            f"{coins(item.exposure.functional, item.exposure.functional_currency)} {item.exposure.functional_currency}",
            f"{item.rate.rate.normalize():f}",
            f"{item.rate.source}, {item.rate.on}",
            coins(item.worth, item.exposure.functional_currency),
            coins(item.difference, item.exposure.functional_currency),
            coins(item.before, item.exposure.functional_currency),
        )
        for item in told.items
    ]
    if not rows:
        out.print(f"nothing is owed in foreign currency on {told.on}")
        return
    table(f"revaluation on {told.on}", COLUMNS, rows, right=(3, 4, 5, 7, 8, 9))
    if told.dry:
        err.print("dry run: nothing is written")
    elif told.repeated:
        err.print(f"run {told.run_id} had booked this before; nothing is written")
    else:
        err.print(f"run {told.run_id}: {told.entries} entries")
