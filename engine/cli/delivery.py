"""``tollbook delivery``: how far documents have come, and sending one again."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, plain, table

NumberArgument = Annotated[int, typer.Argument(help="Number of the delivery, as `delivery list` shows it.")]


class State(StrEnum):
    """How far a document has come."""

    PENDING = "pending"
    IN_DOUBT = "in_doubt"
    ACCEPTED = "accepted"
    PRODUCED = "produced"
    HANDED_OVER = "handed_over"
    DELIVERED = "delivered"
    DELAYED = "delayed"
    OPENED = "opened"
    BOUNCED = "bounced"
    REJECTED = "rejected"
    SPLIT = "split"


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="See how far documents have come, and send one again.", no_args_is_help=True)
    app.add_typer(group, name="delivery")

    @group.command("list")
    def listing(
        context: typer.Context,
        state: Annotated[State | None, typer.Option("--state", help="Those in this state only.")] = None,
        limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many, the newest first.")] = 100,
        as_json: JsonOption = False,
    ) -> None:
        """List deliveries, the newest first."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.deliveries.listed("" if state is None else state.value, limit)
        columns = ("delivery", "document", "entity", "adapter", "role", "state", "attempts", "said")
        rows = [tuple(one[name] for name in columns) for one in found]
        emit([plain(one) for one in found], as_json, lambda: table("", columns, rows, right=(0, 6)))

    @group.command("show")
    def show(context: typer.Context, number: NumberArgument, as_json: JsonOption = False) -> None:
        """Show a delivery with its evidence and everything that was heard since."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.deliveries.one(number)
        emit(plain(found), as_json, lambda: out.print_json(data=plain(found)))

    @group.command("again")
    def again(
        context: typer.Context,
        number: NumberArgument,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Send a document again that came back or was rejected, with the next `deliver`."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            made = tollbook.deliveries.again(number, tollbook.change(person, "deliver", reason))
        words = f"delivery {made['delivery']} of {made['document']} goes out with the next `tollbook deliver`"
        emit(plain(made), as_json, lambda: out.print(words, markup=False))
