"""``tollbook worklist``: what runs could not settle by themselves; who looks at it, and what was done."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, plain, table

NumberArgument = Annotated[int, typer.Argument(help="Number of the item.")]


class State(StrEnum):
    """What has become of an item."""

    UNRESOLVED = "unresolved"
    OPEN = "open"
    ASSIGNED = "assigned"
    RESOLVED = "resolved"
    ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Look at differences that need a person, and settle them.", no_args_is_help=True)
    app.add_typer(group, name="worklist")
    _register_looking(group)
    _register_settling(group)


def _register_looking(group: typer.Typer) -> None:
    @group.command("list")
    def listing(
        context: typer.Context,
        state: Annotated[State, typer.Option("--state", help="Those of this state.")] = State.UNRESOLVED,
        owner: Annotated[str, typer.Option("--owner", help="Those of this owner only.")] = "",
        limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many, the oldest first.")] = 1000,
        as_json: JsonOption = False,
    ) -> None:
        """List items of the worklist, the oldest first."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            items = tollbook.worklist.listed("" if state is State.ALL else state.value, owner, limit)
        columns = ("item", "since", "entity", "kind", "difference", "owner", "state", "resolution")
        rows = [
            (i.id, f"{i.opened_at:%Y-%m-%d}", i.entity, i.kind, i.difference, i.owner, i.state, i.resolution)
            for i in items
        ]
        emit([plain(one) for one in items], as_json, lambda: table("", columns, rows))

    @group.command("show")
    def show(context: typer.Context, number: NumberArgument, as_json: JsonOption = False) -> None:
        """Show an item, the rule that opened it, and what was done with it."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            item = tollbook.worklist.one(number)

        def render() -> None:
            for name, value in item.items():
                if name not in ("history", "detail"):
                    out.print(f"{name:<14} {'' if value is None else value}", markup=False)
            rows = [
                (f"{one['at']:%Y-%m-%d %H:%M}", one["who"], one["action"], one["reason"]) for one in item["history"]
            ]
            table("", ("at", "who", "action", "reason"), rows)

        emit(plain(item), as_json, render)


def _register_settling(group: typer.Typer) -> None:
    @group.command("assign")
    def assign(
        context: typer.Context,
        number: NumberArgument,
        owner: Annotated[str, typer.Option("--to", help="Who looks at it from now on.")],
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Give an item to somebody."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            item = tollbook.worklist.assign(number, owner, tollbook.change(person, "resolve", reason))
        _show(item, as_json)

    @group.command("resolve")
    def resolve(
        context: typer.Context,
        number: NumberArgument,
        as_is: Annotated[
            bool, typer.Option("--as-is", help="The difference is let go; what waited is billed by the next run.")
        ] = False,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Settle an item: its cause is mended, and the next run looks again; or, with --as-is, the difference is let go."""
        resolution = "accepted" if as_is else "corrected"
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            item = tollbook.worklist.resolve(number, resolution, tollbook.change(person, "resolve", reason))
        _show(item, as_json)


def _show(item: Any, as_json: bool) -> None:
    words = f"item {item.id} is {item.state}" + (f" as {item.resolution}" if item.resolution else f" to {item.owner}")
    emit(plain(item), as_json, lambda: out.print(words, markup=False))
