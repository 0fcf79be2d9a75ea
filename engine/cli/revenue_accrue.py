"""``tollbook revenue accrue``: what was delivered and is not billed, month by month."""

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
    from engine.app import Accrual

COLUMNS = ("entity", "account", "subscription", "charge", "service", "role", "added", "released", "currency")


def register_in(group: typer.Typer) -> None:
    """Add the verbs to those of revenue."""

    @group.command("accrue")
    def accrue(
        context: typer.Context,
        through: Annotated[
            datetime, typer.Option("--through", formats=["%Y-%m"], help="The month at whose end it is so, as 2026-03.")
        ],
        entity: Annotated[str, typer.Option("--entity", help="One legal entity only.")] = "",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would post; write nothing.")] = False,
        limit: Annotated[int, typer.Option("--limit", min=0, help="Show at most this many rows.")] = 50,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Accrue what was delivered up to the end of a month and is not billed; release what was billed since.

        It posts the difference to what stands accrued: the same again posts nothing.
        """
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "run", reason)
            told = tollbook.accruals.accrue(through.date(), change, entity=entity, dry_run=dry_run)
        show_findings(told.findings)
        emit(_plain(told), as_json, lambda: _show(told, limit))

    @group.command("accrued")
    def accrued(
        context: typer.Context,
        entity: Annotated[str, typer.Option("--entity", help="One legal entity only.")] = "",
        through: Annotated[
            datetime | None, typer.Option("--through", formats=["%Y-%m"], help="At the end of this month.")
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show what stands accrued: delivered, posted and not billed."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.accruals.standing(entity, through.date() if through else None)

        def render() -> None:
            columns = ("entity", "account", "subscription", "charge", "service", "role", "amount", "kept at")
            rows = [
                (
                    *(one.entity, one.account, one.subscription, one.charge),
                    f"{one.service_from}..{one.service_to}",
                    one.role,
                    f"{coins(one.amount, one.currency)} {one.currency}",
                    f"{coins(one.functional_amount, one.functional_currency)} {one.functional_currency}",
                )
                for one in found
            ]
            table("accrued", columns, rows, right=(6, 7)) if rows else out.print("nothing stands accrued")

        emit(found, as_json, render)


def _plain(told: Accrual) -> dict[str, Any]:
    return {
        "month": f"{told.month:%Y-%m}",
        "run": told.run_id,
        "dry_run": told.dry,
        "repeated": told.repeated,
        "dated": told.dated,
        "moves": [
            {
                "entity": one.key.entity,
                "payer": one.key.payer,
                "account": one.key.account,
                "subscription": one.key.subscription,
                "plan": one.key.plan,
                "charge": one.key.charge,
                "product": one.key.product,
                "role": one.key.role,
                "service_from": one.key.service_from,
                "service_to": one.service_to,
                "currency": one.key.currency,
                "amount": coins(one.amount, one.key.currency),
                "functional_currency": one.rate.quote,
                "functional_amount": coins(one.functional, one.rate.quote),
            }
            for one in told.moves
        ],
        "standing": [
            {"entity": entity, "currency": currency, "role": role, "amount": coins(amount, currency)}
            for (entity, currency, role), amount in sorted(told.standing.items())
        ],
        "findings": told.findings,
    }


def _show(told: Accrual, limit: int) -> None:
    rows = [
        (
            *(one.key.entity, one.key.account, one.key.subscription, one.key.charge),
            f"{one.key.service_from}..{one.service_to}",
            one.key.role,
            coins(one.amount, one.key.currency) if one.amount > 0 else "",
            coins(-one.amount, one.key.currency) if one.amount < 0 else "",
            one.key.currency,
        )
        for one in told.moves
    ]
    if rows:
        table(f"accruals of {told.month:%Y-%m}", COLUMNS, rows[:limit], right=(6, 7))
    if len(rows) > limit:
        out.print(f"... and {len(rows) - limit} more rows")
    for (entity, currency, role), amount in sorted(told.standing.items()):
        out.print(f"{entity}: {coins(amount, currency)} {currency} stands as {role} at the end of {told.month:%Y-%m}")
    for entity, day in told.dated.items():
        if rows and day.replace(day=1) != told.month:
            err.print(f"{entity}: {told.month:%Y-%m} is closed, so it is dated {day}")
    if told.dry:
        err.print("dry run: nothing is written")
    elif told.repeated:
        err.print(f"run {told.run_id} had posted this before; nothing is left to post")
    else:
        err.print(f"run {told.run_id}: {len(rows)} entries")
