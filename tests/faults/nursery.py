"""Real child processes for little time: a process that has imported everything forks one for each command.

A child leads a process group of its own, runs ``tollbook VERB`` through the command's own entry, and ends as the command
does; its workers are started as always.  ``python -m tests.faults.nursery`` is the process that forks.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from tests.faults.killing import VARIABLE, Death, arm

ROOT = Path(__file__).resolve().parents[2]
LONG = 90.0
"""Seconds after which a child that does not end is a fault."""


class Child:
    """A command at work; ``out`` is where its output goes."""

    def __init__(self, nursery: Nursery, pid: int, out: Path) -> None:
        self.nursery, self.pid, self.out = nursery, pid, out
        self._status: int | None = None

    def wait(self, seconds: float = LONG) -> int:
        """Its exit code, minus the signal that ended it; what is left of its group is killed.

        Raises:
            AssertionError: it did not end in time.
        """
        if self._status is not None:
            return self._status
        status = self._status = self.nursery.ask(wait=self.pid, seconds=seconds)["status"]
        left = self.outlived() if status is not None and status >= 0 else []
        if self.group():
            self.kill()
        assert status is not None, f"still at work after {seconds:g} s:\n{self.said()}"
        assert not left, f"left processes behind: {left}"
        return status

    def outlived(self, seconds: float = 5.0) -> list[int]:
        """Processes of its group that are still there when others had time to end."""
        return outlived(self.pid, seconds)

    def kill(self) -> None:
        """Kill the whole group."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def group(self) -> list[int]:
        """Processes of its group that are there, zombies excepted."""
        return members(self.pid)

    def said(self) -> str:
        """What it printed."""
        return self.out.read_text(encoding="utf-8", errors="replace")


def members(group: int) -> list[int]:
    """Processes of a group, zombies excepted."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                _, _, rest = (entry / "stat").read_text().rpartition(") ")
            except OSError:
                continue
            state, _, own = rest.split()[:3]
            if int(own) == group and state not in "ZX":
                found.append(int(entry.name))
    return found


def outlived(group: int, seconds: float = 5.0) -> list[int]:
    """Processes of a group that are still there when others had time to end."""
    end = time.monotonic() + seconds
    while (left := members(group)) and time.monotonic() < end:
        time.sleep(0.01)
    return left


class Nursery:
    """The process that forks, seen from a test."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._count = folder, 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **what: Any) -> dict[str, Any]:
        """Send a request and read its answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def start(
        self,
        folder: Path,
        *words: str,
        death: Death | None = None,
        in_workers: bool = False,
        environment: Mapping[str, str] | None = None,
        limit: int = 0,
    ) -> Child:
        """Start ``tollbook words`` in a folder; it, or its workers, die as ``death`` says; no file grows above ``limit``."""
        self._count += 1
        out = self.folder / f"out-{self._count}.txt"
        given = msgspec.to_builtins(death) if death else None
        variables = dict(environment or {})
        if death and in_workers:
            site = str(ROOT / "tests" / "faults" / "site")
            variables |= {VARIABLE: json.dumps(given), "PYTHONPATH": site, "TOLLBOOK_TEST_ROOT": str(ROOT)}
            given = None
        answer = self.ask(
            start=list(words), folder=str(folder), out=str(out), death=given, variables=variables, limit=limit
        )
        return Child(self, answer["pid"], out)

    def run(self, folder: Path, *words: str, **options: Any) -> str:
        """Run a command that has to succeed; what it printed."""
        child = self.start(folder, *words, **options)
        status = child.wait()
        assert status == 0, f"exit {status} of tollbook {' '.join(words)}:\n{child.said()}"
        return child.said()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    """A nursery for a while; output of its children goes to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    one = Nursery(folder)
    try:
        yield one
    finally:
        one.close()


def _serve() -> Sequence[str] | None:
    """Answer requests; in a forked child, return the words of its command."""
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        if "wait" in request:
            answer = {"status": _wait(request["wait"], request["seconds"])}
        else:
            pid = os.fork()
            if not pid:
                _settle(request)
                words: Sequence[str] = request["start"]
                return words
            answer = {"pid": pid}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return None


def _wait(pid: int, seconds: float) -> int | None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    return None


def _settle(request: Mapping[str, Any]) -> None:
    """Make a forked child what a shell would have started."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what starts the tests in the background ignores it
    os.chdir(request["folder"])
    os.environ.update(request["variables"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    out = os.open(request["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for source, target in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    main = sys.modules["__main__"]  # what workers import is the command's own script
    main.__spec__, main.__file__ = None, str(Path(sys.executable).parent / "tollbook")
    if request["limit"]:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["limit"], request["limit"]))
    if VARIABLE in request["variables"]:  # workers that are forked; those that are not are armed by sitecustomize
        death = msgspec.json.decode(request["variables"][VARIABLE], type=Death)
        os.register_at_fork(after_in_child=lambda: arm(death))
    if request["death"]:
        arm(msgspec.convert(request["death"], Death))


def _warm(run: Callable[[list[str]], int]) -> None:
    """Bill a small company, so that everything that a command imports is there before the first fork."""
    from tests import stories

    with (
        tempfile.TemporaryDirectory() as name,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        folder = stories.write(Path(name))
        given = [f"--config={folder / 'config.yaml'}", "--set", f"database.url=sqlite:///{folder / 'books.db'}"]
        who = ["--as", "ada", "--reason", "a test"]
        for words in (["import", str(folder / "data")], ["run", "bill", "--date", "2026-02-01"], ["deliver"]):
            assert run([*given, *words, *who]) == 0
    gc.collect()
    gc.freeze()


def _leave(status: int) -> NoReturn:
    """End a child without the tidying up of an interpreter that has imported more than the command."""
    sys.stdout.flush()
    sys.stderr.flush()
    atexit._run_exitfuncs()
    os._exit(status)


if __name__ == "__main__":
    import psycopg  # noqa: F401

    from engine.cli import main as command

    _warm(command.run)
    asked = _serve()
    if asked is not None:
        _leave(command.run(list(asked)))
