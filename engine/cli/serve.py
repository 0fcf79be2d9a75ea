"""``tollbook serve``: answer at the HTTP API."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from engine.cli.common import JsonOption, emit, err, open_app
from engine.cli.scheduler import say, until_told


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command("serve")
    def serve(
        context: typer.Context,
        host: Annotated[
            str, typer.Option("--host", help="The address to listen at; 0.0.0.0 is every one.")
        ] = "127.0.0.1",
        port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="The port; 0 is any that is free.")] = 8080,
        workers: Annotated[int, typer.Option("--workers", min=1, max=256, help="Processes that answer.")] = 1,
        as_json: JsonOption = False,
    ) -> None:
        """Take usage events over HTTP until it is stopped.  Who may send them stands in config.yaml, under api.clients."""
        from engine.web.server import Server

        with open_app(context.obj.config, context.obj.overrides) as tollbook, until_told() as stop:
            server = Server(tollbook, host, port, workers, os.environ, say)
            address = server.address
            err.print(f"listening at {address}", markup=False)
            server.run(stop)
        emit({"address": address, "state": "stopped"}, as_json, lambda: err.print("the server has stopped"))
