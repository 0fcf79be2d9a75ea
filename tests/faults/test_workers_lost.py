"""Workers of a bill run that die, or whose command dies: nothing hangs, nothing is left behind, and the run can be resumed."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.faults import by_key
from tests.faults.killing import Death
from tests.faults.nursery import Child
from tests.faults.trials import BILL, PERSON, SCENARIOS, Yard, unfinished

BILLED = SCENARIOS[0]


def resumed(yard: Yard, url: str) -> None:
    """Go on with the run; the books are then those of a run that was never disturbed."""
    (run,) = unfinished(url)
    yard.run(url, ("runs", "resume", str(run), *PERSON))
    assert by_key.differences(yard.life(BILLED).books, yard.books(url)) == []
    yard.ground.drop(url)


def at_work(child: Child, url: str) -> None:
    """Wait until a run has begun, and its command and two workers are there."""
    end = time.monotonic() + 30
    while not unfinished(url) or len(child.group()) < 3:
        assert time.monotonic() < end, child.said()
        time.sleep(0.01)


@pytest.mark.capability("A1.2")
@pytest.mark.parametrize("place", ["take numbers", "commit"])
def test_one_worker_is_killed(yard: Yard, place: str) -> None:
    """The command ends with one error that names the run and how to go on; no process of it stays."""
    url = yard.ground.copy("ready")
    child = yard.start(url, BILL, 2, death=Death(place, 2, whom="self"), in_workers=True)
    assert child.wait() == 2
    (run,) = unfinished(url)
    said = child.said()
    assert f"bill run {run} of 2026-03-01 stopped: a worker process is gone [run.worker-lost]" in said
    assert f"tollbook runs resume {run}" in said
    assert said.count("error:") == 1
    assert "Traceback" not in said
    resumed(yard, url)


def test_the_command_is_killed(yard: Yard) -> None:
    """Workers whose command is gone end too, also one in the middle of a transaction."""
    url = yard.ground.copy("ready")
    child = yard.start(url, BILL, 2, death=Death("take numbers", 2, hang=60), in_workers=True)
    at_work(child, url)
    os.kill(child.pid, signal.SIGKILL)
    assert child.nursery.ask(wait=child.pid, seconds=10)["status"] == -signal.SIGKILL
    assert child.outlived() == []
    resumed(yard, url)


def test_interrupted_from_the_keyboard(yard: Yard) -> None:
    """Control-C reaches the whole group: the command says how to go on, workers say nothing."""
    url = yard.ground.copy("ready")
    child = yard.start(url, BILL, 2, death=Death("take numbers", 2, hang=3), in_workers=True)
    at_work(child, url)
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait() == 2
    assert "runs resume" in child.said()
    assert "Traceback" not in child.said()
    resumed(yard, url)
