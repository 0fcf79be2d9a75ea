"""``tollbook po list``: what customers have ordered, and what is left of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engine.cli.common import JsonOption, emit, open_app, table


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Look at purchase orders.", no_args_is_help=True)
    app.add_typer(group, name="po")

    @group.command("list")
    def listing(
        context: typer.Context,
        account: Annotated[str, typer.Option("--account", help="Those of this account only.")] = "",
        as_json: JsonOption = False,
    ) -> None:
        """List purchase orders with what was invoiced on each less credits, before tax, and what is left."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            listed = tollbook.review.orders.listed(account)
        columns = (
            "entity",
            "account",
            "number",
            "valid",
            "amount",
            "used",
            "left",
            "currency",
            "for",
            "buyer reference",
        )
        emit(listed, as_json, lambda: table("", columns, map(_row, listed), right=(4, 5, 6)))


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    start = "" if one["valid_from"].year == 1 else one["valid_from"]
    end = "" if one["valid_to"].year == 9999 else one["valid_to"]
    scope = ", ".join((*one["charges"], *one["products"]))
    money = ("" if one[name] is None else f"{one[name]:,.2f}" for name in ("amount", "used", "left"))
    head = (one["entity"], one["account"], one["number"], f"{start}..{end}")
    return (*head, *money, one["currency"], scope, one["buyer_reference"])
