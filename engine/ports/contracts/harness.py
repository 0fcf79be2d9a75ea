"""The host that contracts run a plug-in in: a clock that does not wait, a request log in memory, secrets to look for."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.document import Document, parse
from engine.base.errors import TollbookError
from engine.base.money import exact_arithmetic
from engine.model.outbound import OutboundCall
from engine.ports.host import Host
from engine.ports.manifest import read_manifest

ADAPTER: Final = "it"
"""Name of the adapter in contracts; the ``source`` of its answers."""

SECONDS: Final = 0.4
"""The time-out of a call in contracts where ``Setup`` names none."""


class Setup(msgspec.Struct, frozen=True):
    """How a plug-in is set up for its contract.

    Attributes:
        plugin: folder of its ``plugin.yaml``.
        settings: as they would stand in ``config.yaml``.
        secrets: value of each secret, by the name that ``plugin.yaml`` gives it; no test may find one anywhere.
        timeout: seconds of a call; a test waits as long where it shows what happens then.
    """

    plugin: Path
    settings: Mapping[str, Any] = {}
    secrets: Mapping[str, str] = {}
    timeout: float = SECONDS


class TestClock:
    """A clock that goes on when somebody waits, and at once."""

    __test__ = False

    def __init__(self) -> None:
        self.seconds = 0.0
        self.pauses: list[float] = []

    def now(self) -> datetime:
        """The moment: noon of a day, and what has passed since."""
        return datetime(2026, 1, 31, 12, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def elapsed(self) -> float:
        """Seconds that have passed."""
        return self.seconds

    def pause(self, seconds: float) -> None:
        """Let them pass."""
        self.pauses.append(seconds)
        self.seconds += seconds


class Notebook:
    """A request log in memory."""

    def __init__(self) -> None:
        self.calls: list[OutboundCall] = []
        self._lock = threading.Lock()

    def note(self, call: OutboundCall) -> None:
        """Keep a call."""
        with self._lock:
            self.calls.append(call)

    def text(self) -> str:
        """All that it holds."""
        return msgspec.json.encode(self.calls).decode()


class Wish(msgspec.Struct, frozen=True):
    """An adapter as ``config.yaml`` would name it."""

    plugin: str
    port: str
    settings: Mapping[str, Any]
    timeout: float
    retries: int
    breaker_failures: int
    breaker_seconds: int
    document: Document
    secrets: Mapping[str, str] = {}
    name: str = ADAPTER
    path: tuple[str | int, ...] = ("adapters", 0)


class Stage(msgspec.Struct, frozen=True):
    """A host with the one adapter, its clock and its request log."""

    host: Host
    clock: TestClock
    log: Notebook

    @property
    def batch(self) -> int:
        """The most items of one call."""
        return self.host.batch(ADAPTER)


def stage(setup: Setup, port: str, home: Path, *, retries: int = 0, failures: int = 1_000) -> Stage:
    """The plug-in in a host; ``home`` is where relative paths of its settings start."""
    exact_arithmetic()
    folder = setup.plugin.resolve()
    manifest = read_manifest(folder, folder.name)
    environment = {secret.variable: setup.secrets.get(name, "") for name, secret in manifest.secrets.items()}
    wish = Wish(
        plugin=str(folder),
        port=port,
        settings=setup.settings,
        timeout=setup.timeout,
        retries=retries,
        breaker_failures=failures,
        breaker_seconds=60,
        document=parse(b"", "contract"),
    )
    clock, log = TestClock(), Notebook()
    return Stage(Host([wish], home, environment, recorder=log, clock=clock), clock, log)  # type: ignore[list-item]


@contextmanager
def refused() -> Iterator[list[TollbookError]]:
    """A block that has to raise what the host raises; what it was is in the list afterwards."""
    seen: list[TollbookError] = []
    try:
        yield seen
    except TollbookError as error:
        seen.append(error)
    assert seen, "the call should have failed, and did not"
