"""The server: one socket, and one or more processes that answer at it until they are told to stop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

import uvicorn

from engine.app import App
from engine.base.errors import Code, Finding, Where, refuse
from engine.web import api
from engine.web.access import Access, access
from engine.web.buckets import Buckets
from engine.web.controls import Controls
from engine.web.inboxes import BUCKETS, Inboxes
from engine.web.ingesting import Ingesting
from engine.web.messaging import Messaging
from engine.web.paying import Paying
from engine.web.throttle import TENANT, Throttle
from engine.web.triggering import Triggering
from engine.web.wallets import Wallets

CANNOT_LISTEN = Code("web.cannot-listen", "An address or port that the server cannot have.")
PROCESS_DIED = Code("web.process-died", "A process of the server that ended by itself; another one takes its place.")

Say = Callable[[Finding], None]

GRACE: Final = 30
"""Seconds that requests under way have when the server is told to stop."""
AT_ONCE: Final = 2_048
"""Connections that wait to be accepted, and that one process serves at a time."""
GARBAGE: Final = 50_000
"""Objects after which the collector looks for cycles: events have none, and looking takes a third of their time."""
SWITCH: Final = 0.0005
"""Seconds after which a thread gives way: writing waits for the database at many places, and must not wait for more."""
AGAIN: Final = 1.0
"""Seconds between the death of a process and its successor."""


class Server:
    """A server that is ready: its socket is open, and what it stands on is checked."""

    def __init__(
        self,
        app: App,
        host: str,
        port: int,
        workers: int,
        environment: Mapping[str, str],
        say: Say,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Check everything and open the socket; ``clock`` gives the seconds that limits are counted by.

        Raises:
            TollbookError: what is wrong with settings, tokens, rules or books; ``web.cannot-listen``.
        """
        self._app, self._workers, self._say = app, workers, say
        self._access: Access = access(app.config.api.clients, environment)
        names = [client.name for client in app.config.api.clients]
        self._throttle = Throttle(app, Buckets([TENANT, *names, *BUCKETS], clock))
        for name in (TENANT, *names):
            self._throttle.limit(name, datetime.now(UTC).date())
        app.usage_door().ready()
        app.books.refresh_statistics()
        self._socket = _listening(host, port)

    @property
    def address(self) -> str:
        """Where it answers."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def run(self, stop: threading.Event) -> None:
        """Answer until ``stop`` is set by a signal."""
        try:
            if self._workers == 1:
                self.answer()
            else:
                self._watch(stop)
        finally:
            self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def answer(self, lifeline: int | None = None) -> None:
        """Answer in this process until it is told to stop, or, a child, until the other end of ``lifeline`` is closed."""
        settings = self._app.config.api
        door = self._app.usage_door()
        ingesting = Ingesting(door, self._access, self._throttle, settings.waiting, settings.largest_body)
        triggering = Triggering(self._app.triggers, self._access, self._throttle)
        wallets = Wallets(lambda: self._app.wallets, self._access, self._throttle, settings.waiting)
        controls = Controls(lambda: self._app.usage.control, self._access, self._throttle, settings.waiting)

        payments = Paying(lambda: self._app.payments, settings.waiting)
        messages = Messaging(lambda: self._app.exchange, self._access, self._throttle, settings.waiting)

        inboxes = Inboxes(lambda: self._app.inboxes, self._throttle, settings.waiting)

        def stopped() -> None:
            inboxes.close()
            payments.close()
            ingesting.close()
            triggering.close()
            wallets.close()
            controls.close()
            messages.close()

        config = uvicorn.Config(
            api.made(ingesting, stopped, triggering, wallets, controls, payments, messages, inboxes),
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=AT_ONCE,
            timeout_graceful_shutdown=GRACE,
            ws="none",
        )
        server = uvicorn.Server(config)
        sys.setswitchinterval(SWITCH)
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE, 20, 50)
        asyncio.run(_served(server, self._socket, lifeline))

    def _watch(self, stop: threading.Event) -> None:
        """Have as many children as were asked for, until told to stop; then see them off."""
        self._app.books.close()  # no connection may be shared by two processes
        end, hold = os.pipe()
        children = {self._child(end, hold) for _ in range(self._workers)}
        while not stop.is_set():
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid in children:
                children.discard(pid)
                what = f"process {pid} of the server ended with {os.waitstatus_to_exitcode(status)}"
                mend = "look into its log above; what it had acknowledged is in the books"
                self._say(Finding(PROCESS_DIED, Where(), what, "", mend, "warning"))
                stop.wait(AGAIN)
                if not stop.is_set():
                    children.add(self._child(end, hold))
            else:
                stop.wait(0.2)
        os.close(hold)
        for pid in children:
            os.waitpid(pid, 0)
        os.close(end)

    def _child(self, end: int, hold: int) -> int:
        """The id of a new process that answers."""
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            os.close(hold)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the parent tells when, by closing its end
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self.answer(end)
            code = 0
        finally:
            os._exit(code)


async def _served(server: uvicorn.Server, listening: socket.socket, lifeline: int | None) -> None:
    if lifeline is not None:

        def told() -> None:
            asyncio.get_running_loop().remove_reader(lifeline)
            server.should_exit = True

        asyncio.get_running_loop().add_reader(lifeline, told)
    await server.serve([listening])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=AT_ONCE)
    except (OSError, OverflowError) as error:
        what = f"the server cannot listen at {host}, port {port}: {getattr(error, 'strerror', None) or error}"
        raise refuse(CANNOT_LISTEN, what, mend="name another one with --host and --port") from None
    made.set_inheritable(True)
    return made
