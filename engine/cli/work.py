"""``tollbook work``: run what waits in the queue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from engine.base.errors import TollbookError
from engine.cli.beat import beating
from engine.cli.common import JsonOption, PersonOption, ReasonOption, emit, open_app, plain, show_findings
from engine.cli.scheduler import until_told
from engine.model.request import RunRequest


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("work")
    def work(
        context: typer.Context,
        once: Annotated[bool, typer.Option("--once", help="Leave when nothing waits any more.")] = False,
        health_file: Annotated[
            Path | None,
            typer.Option(
                "--health-file", help="A file that says every 5 seconds that the worker is alive, and what it does."
            ),
        ] = None,
        person: PersonOption = "",
        reason: ReasonOption = "",
        as_json: JsonOption = False,
    ) -> None:
        """Run the requests of the queue, one after the other, each in the name of its schedule's person."""
        from engine.scheduler import process_name

        holder = process_name()
        done: list[RunRequest] = []
        opened = open_app(context.obj.config, context.obj.overrides)
        with opened as tollbook, until_told() as stop, beating(health_file) as beat:
            change = tollbook.change(person, "schedule", reason)
            while not stop.is_set():
                if beat is not None:
                    beat.says("working")
                try:
                    worked = tollbook.work(change, holder)
                except TollbookError as error:  # a worker that stays waits for a database that is away
                    if once:
                        raise
                    show_findings(error.findings)
                    worked = None
                if worked is not None:
                    show_findings((*worked.findings, *worked.met))
                    done += [worked.request] if once else []
                    if not (once and as_json):
                        show(worked.request, as_json)
                elif once:
                    break
                else:
                    if beat is not None:
                        beat.says("waiting")
                    stop.wait(tollbook.config.scheduler.poll)
        if once:
            emit(done, as_json)


def show(request: RunRequest, as_json: bool) -> None:
    """Say what became of a request; as JSON on one line."""
    run = f", run {request.run_id}" if request.run_id else ""
    text = f"{request.state} {request.schedule}, due {request.due:%Y-%m-%d %H:%M} UTC{run}"
    typer.echo(json.dumps(plain(request), ensure_ascii=False) if as_json else text)
