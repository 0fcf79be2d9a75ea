"""``tollbook requests``: the log of calls to the outside world."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, out, plain, table
from engine.model.outbound import OutboundCall

NumberArgument = Annotated[int, typer.Argument(help="Number of the call, as `requests list` shows it.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Look at the calls to adapters, and make one again.", no_args_is_help=True)
    app.add_typer(group, name="requests")
    _register_looking(group)
    _register_changing(group)


def _register_looking(group: typer.Typer) -> None:
    @group.command("list")
    def listing(
        context: typer.Context,
        adapter: Annotated[str, typer.Option("--adapter", help="Calls to this adapter only.")] = "",
        run: Annotated[int | None, typer.Option("--run", help="Calls of this run only.")] = None,
        failed: Annotated[
            bool, typer.Option("--failed", help="Only calls without a good answer for everything.")
        ] = False,
        limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most this many.")] = 50,
        as_json: JsonOption = False,
    ) -> None:
        """List calls to adapters, the newest first."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.requests.listed(adapter, run, failed, limit)
        columns = (
            "request",
            "at (UTC)",
            "adapter",
            "hook",
            "attempt",
            "items",
            "outcome",
            "kind",
            "ms",
            "run",
            "error",
        )
        rows = [(found_one.id, *_row(found_one.call)) for found_one in found]
        emit(found, as_json, lambda: table("", columns, rows, right=(0, 4, 5, 8)))

    @group.command("show")
    def one(context: typer.Context, number: NumberArgument, as_json: JsonOption = False) -> None:
        """Show one call with what was sent and answered; secrets are masked."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            found = tollbook.requests.one(number)
        emit(found, as_json, lambda: out.print_json(data=plain(found)))


def _row(call: OutboundCall) -> tuple[object, ...]:
    """A call on one line."""
    at, run = f"{call.at:%Y-%m-%d %H:%M:%S}", call.run_id or ""
    sent = (call.adapter, call.hook, call.attempt, call.items)
    return at, *sent, call.outcome, call.kind, call.milliseconds, run, call.error[:80]


def _register_changing(group: typer.Typer) -> None:
    @group.command("replay")
    def replay(
        context: typer.Context,
        number: NumberArgument,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Make a call again and show how the answers differ; what tells is told the same under the same keys."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            done = tollbook.requests.replay(number, tollbook.change(person, "deliver", reason))

        def render() -> None:
            if done.differences:
                table("", ("key", "field", "before", "after"), done.differences)
            else:
                out.print("the answers are the same")

        emit(done, as_json, render)

    @group.command("purge")
    def purge(
        context: typer.Context,
        before: Annotated[
            datetime, typer.Option("--before", formats=["%Y-%m-%d"], help="Calls before this day (UTC).")
        ],
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Erase old calls from the log."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            change = tollbook.change(person, "purge", reason)
            count = tollbook.requests.purge(before.replace(tzinfo=UTC), change)
        result = {"before": f"{before:%Y-%m-%d}", "erased": count}
        emit(result, as_json, lambda: out.print(f"{count} calls before {before:%Y-%m-%d} are erased"))
