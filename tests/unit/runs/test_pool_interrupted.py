"""A command that is interrupted as its workers begin: it ends, and they end with it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from engine.base.threads import uninterrupted

INTERRUPTED = """
import operator, os, signal
from concurrent.futures.process import ProcessPoolExecutor
from engine.runs.billing.pool import billed_by_workers

signal.signal(signal.SIGINT, signal.default_int_handler)  # which a command that is started in the background does not have
launch, fork, ours = ProcessPoolExecutor._launch_processes, os.fork, os.getpid()

def launched(pool):
    launch(pool)
    if {where!r} == "command":
        os.kill(ours, signal.SIGINT)

def forked():
    child = fork()
    if not child and {where!r} == "worker":
        os.kill(os.getpid(), signal.SIGINT)
    return child

ProcessPoolExecutor._launch_processes, os.fork = launched, forked
print(sorted(billed_by_workers(2, operator.mul, 2, [1, 2, 3])))
"""


@pytest.mark.parametrize(("where", "code", "out"), [("command", -signal.SIGINT, ""), ("worker", 0, "[2, 4, 6]\n")])
def test_nothing_hangs_and_no_worker_goes_on_as_a_command(where: str, code: int, out: str) -> None:
    """Once its workers are there and before it directs them; and a worker before it has said that it does not listen."""
    command = [sys.executable, "-c", INTERRUPTED.format(where=where)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (code, out), done.stderr


def test_the_keyboard_waits_for_a_block() -> None:
    done, before = [], signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), uninterrupted():
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
            done.append("all of it")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done
