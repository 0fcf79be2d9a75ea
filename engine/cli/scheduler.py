"""``tollbook scheduler``: put into the queue what the schedules of the config want."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from engine.base.errors import Finding
from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, err, open_app, out, plain


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Put into the queue what is due; `tollbook work` runs it.", no_args_is_help=True)
    app.add_typer(group, name="scheduler")

    @group.command("run")
    def run(
        context: typer.Context, person: PersonOption = "", reason: ReasonOption = "", as_json: JsonOption = False
    ) -> None:
        """Enqueue what becomes due until it is stopped.  Where another scheduler does that, wait and take its place."""
        from engine.scheduler import Scheduler

        with open_app(context.obj.config, context.obj.overrides) as tollbook, until_told() as stop:
            scheduler = Scheduler(tollbook, person, reason, say)
            scheduler.run(stop)
        emit({"holder": scheduler.holder, "state": "stopped"}, as_json, lambda: err.print("the scheduler has stopped"))

    @group.command("once")
    def once(
        context: typer.Context, person: PersonOption = "", reason: ReasonOption = "", as_json: JsonOption = False
    ) -> None:
        """Enqueue what is due now, then leave: for cron or systemd instead of a scheduler that runs all the time."""
        from engine.scheduler import Scheduler

        with open_app(context.obj.config, context.obj.overrides) as tollbook:
            done = Scheduler(tollbook, person, reason, say_but_turns).once()

        def render() -> None:
            for schedule, due in done.requests:
                out.print(f"queued {schedule}, due {due:%Y-%m-%d %H:%M} UTC", markup=False)
            if done.held and not done.requests:
                out.print("nothing is due")

        emit(plain(done), as_json, render)


def say(finding: Finding) -> None:
    """Tell the person at the terminal, or the log, what happens."""
    err.print(str(finding), markup=False)


def say_but_turns(finding: Finding) -> None:
    """As :func:`say`, but not that this process, which leaves at once, is the one that enqueues."""
    if finding.code != "scheduler.enqueuing":
        say(finding)


@contextmanager
def until_told() -> Iterator[threading.Event]:
    """What is set when the process is asked to stop, by a terminal or by the system."""
    stop = threading.Event()

    def told(number: int, frame: Any) -> None:
        stop.set()

    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
