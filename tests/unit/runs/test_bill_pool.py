"""How worker processes are started."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from engine.runs.billing import pool as bill_pool

ALONE = "from engine.runs.billing.pool import _context; print(_context('engine.app').get_start_method())"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere libraries of the system do not survive a fork")
def test_a_process_that_is_alone_forks_its_workers() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "fork"


def test_a_process_with_threads_does_not() -> None:
    """A lock that another thread holds would be held for ever in the worker."""
    ended = threading.Event()
    other = threading.Thread(target=ended.wait)
    other.start()
    try:
        assert bill_pool._context("engine.app").get_start_method() == "forkserver"
    finally:
        ended.set()
        other.join()
