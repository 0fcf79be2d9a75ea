"""``tollbook schedule list``: what is scheduled, when it is due next, what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from engine.cli.common import JsonOption, emit, open_app, out, table


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Look at what runs by itself.", no_args_is_help=True)
    app.add_typer(group, name="schedule")

    @group.command("list")
    def listing(
        context: typer.Context,
        limit: Annotated[int, typer.Option("--limit", min=0, help="Show at most this many requests of each.")] = 5,
        as_json: JsonOption = False,
    ) -> None:
        """List schedules with their next moment and their last requests, failed ones with their error."""
        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            listed, queue = tollbook.schedules(datetime.now(UTC), limit)

        def render() -> None:
            columns = ("schedule", "runs", "cron", "zone", "as", "next (UTC)")
            table("", columns, [(s.name, s.run, s.cron, s.zone, s.who, _moment(s.next)) for s in listed])
            rows = [row for schedule in listed for row in _requests(schedule.requests)]
            if rows:
                out.print()
                table("", ("schedule", "due (UTC)", "state", "run", "attempts", "error"), rows, right=(3, 4))
            if queue["urgent"]:
                out.print()
                urgent = [_promised(one) for one in queue["urgent"]]
                table("", ("occasion", "since (UTC)", "promised (UTC)", "state", "late", "error"), urgent)
            out.print(f"\n{queue['waiting']} waiting; enqueued by {queue['scheduler'] or 'nobody at present'}")

        emit({"schedules": listed, **queue}, as_json, render)


def _requests(requests: Any) -> Iterator[tuple[Any, ...]]:
    for r in requests:
        yield r.schedule, _moment(r.due), r.state, r.run_id or "", r.attempts, r.error


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _promised(one: Any) -> tuple[Any, ...]:
    late = f"{-(-one['late'].total_seconds() // 60):.0f} minutes" if one["late"] else ""
    return one["schedule"], _moment(one["due"]), _moment(one["deadline"]), one["state"], late, one["error"]
