"""Clauses that all ports share: how calls fail, what is shown, what the vendor's system may do."""

from __future__ import annotations

import contextlib
import io
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import pytest

from engine.base.errors import Finding, TollbookError
from engine.ports.contracts.faults import Fault, tampered
from engine.ports.contracts.harness import ADAPTER, Setup, Stage, refused, stage
from engine.ports.failure import AdapterFailed
from engine.ports.hookspecs import Permanent, PortFailure, Transient, Unknown

RAISED: Final = (Transient, Permanent, Unknown)
FAULTS: Final[tuple[Fault, ...]] = ("refused", "busy", "denied", "malformed", "broken-off", "slow")
UNICODE: Final = ("Ünï-☃-日本", "' OR 1=1 --", '"quoted", \\ and\ttabbed', "<b>&amp;</b>", "  spaces  ", "x" * 200)
"""Texts that keys, names and references may be."""


class Contract:
    """What the contract classes share.

    Attributes:
        setup: how the plug-in is set up; a fixture of the subclass may set it for each test.
        faults: what :meth:`inject` can do to the vendor's system; the clauses of the others are skipped.
    """

    setup: Setup
    faults: tuple[Fault, ...] = ()
    port: ClassVar[str]
    hook: ClassVar[str]
    kinds: ClassVar[dict[Fault, tuple[str, ...]]]

    def inject(self, fault: Fault) -> AbstractContextManager[Any]:
        """A while in which the vendor's system fails like this."""
        raise NotImplementedError(f"{type(self).__name__} names the fault {fault!r} and has no inject()")

    def works(self, made: Stage, home: Path, name: str) -> None:
        """Fail unless an ordinary call with keys of this name is answered."""
        raise NotImplementedError

    def call(self, made: Stage, home: Path, name: str) -> Any:
        """Make an ordinary call; what it gives."""
        raise NotImplementedError

    def made(self, home: Path, *, retries: int = 0, failures: int = 1_000) -> Stage:
        """The plug-in in a host."""
        return stage(self.setup, self.port, home, retries=retries, failures=failures)

    @pytest.mark.parametrize("failure", RAISED, ids=[kind.kind for kind in RAISED])
    def test_a_failure_is_seen_in_its_class_and_the_next_call_works(
        self, tmp_path: Path, failure: type[PortFailure]
    ) -> None:
        """A call that fails before anything was done leaves the plug-in as it was."""
        made = self.made(tmp_path)
        with tampered(made.host, ADAPTER, self.hook, _raising(failure("planted"))), refused() as seen:
            self.call(made, tmp_path, "fails")
        (error,) = seen
        assert isinstance(error, AdapterFailed)
        assert (error.kind, "planted" in str(error)) == (failure.kind, True)
        self.works(made, tmp_path, "fails")

    def test_a_late_answer_is_nobodys(self, tmp_path: Path) -> None:
        """A call that does not end in time is unknown; what it says later is not taken for another call's answer."""
        made = self.made(tmp_path)
        go_on, ended = threading.Event(), threading.Event()

        def late(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
            go_on.wait(60)
            try:
                return ask()
            finally:
                ended.set()

        with tampered(made.host, ADAPTER, self.hook, late), refused() as seen:
            self.call(made, tmp_path, "late")
        go_on.set()
        self.works(made, tmp_path, "after")
        assert ended.wait(60)
        self.works(made, tmp_path, "late")
        (error,) = seen
        assert isinstance(error, AdapterFailed)
        assert (error.kind, made.log.calls[0].outcome) == ("unknown", "timed-out")

    def test_an_adapter_that_fails_rests_and_comes_back(self, tmp_path: Path) -> None:
        """After failures in a row nothing is called; after the cool-down one call is, and its success ends it."""
        made = self.made(tmp_path, failures=2)
        with tampered(made.host, ADAPTER, self.hook, _raising(Transient("planted"))):
            for _ in range(3):
                with refused() as seen:
                    self.call(made, tmp_path, "rests")
        assert isinstance(seen[0], AdapterFailed)
        assert (seen[0].refused, seen[0].kind, len(made.log.calls)) == (True, "transient", 2)
        made.clock.pause(60)
        self.works(made, tmp_path, "rests")

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_fault_of_the_vendor_is_classed_and_passes(self, tmp_path: Path, fault: Fault) -> None:
        """Each fault gets a class that is true of it; afterwards the same call works."""
        if fault not in self.faults:
            pytest.skip(f"inject() does not do {fault!r}")
        made = self.made(tmp_path)
        with self.inject(fault), refused() as seen:
            self.call(made, tmp_path, "fault")
        (error,) = seen
        assert isinstance(error, AdapterFailed)
        assert error.kind in self.kinds[fault], f"{fault}: {error.kind}, expected {' or '.join(self.kinds[fault])}"
        self.works(made, tmp_path, "fault")

    def test_no_secret_is_shown(self, tmp_path: Path) -> None:
        """No secret is in an answer, a finding, the request log, the logs of the process or its output."""
        if not self.setup.secrets:
            pytest.skip("the plug-in has no secrets")
        made = self.made(tmp_path)
        shown: list[str] = []
        with _overheard() as heard:
            shown.append(_text(self.call(made, tmp_path, "open")))
            for fault in self.faults:
                with self.inject(fault), refused() as seen:
                    self.call(made, tmp_path, f"open {fault}")
                shown += [str(error) for error in seen]
            told = Unknown(f"sent {self.setup.secrets}, Authorization: Bearer {'+'.join(self.setup.secrets.values())}")
            with tampered(made.host, ADAPTER, self.hook, _raising(told)), refused() as seen:
                self.call(made, tmp_path, "told")
            shown += [str(error) for error in seen]
        places = {"answers and findings": " ".join(shown), "request log": made.log.text(), "output": heard.getvalue()}
        found = [
            f"{name} in the {place}"
            for name, value in self.setup.secrets.items()
            for place, text in places.items()
            if value in text
        ]
        assert found == []


def _raising(error: Exception) -> Callable[[Callable[[], Any], Sequence[Any]], Any]:
    def tamper(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
        raise error

    return tamper


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


@contextmanager
def _overheard() -> Iterator[io.StringIO]:
    """What is printed and logged meanwhile, at any level."""
    heard = io.StringIO()
    handler, root = logging.StreamHandler(heard), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            yield heard
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def in_threads(work: Callable[[int], Any], count: int = 4) -> list[Any]:
    """What ``work(number)`` gives in as many threads, begun together; an error of one is raised."""
    results: list[Any] = [None] * count
    begin = threading.Barrier(count)

    def run(number: int) -> None:
        begin.wait(60)
        try:
            results[number] = work(number)
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for result in results:
        assert not isinstance(result, Exception), f"in a thread: {result}"
    return results


def codes(error: TollbookError) -> list[str]:
    """The codes of what went wrong."""
    return [str(finding.code) for finding in error.findings]


def only(error: TollbookError, code: str) -> bool:
    """Whether nothing else went wrong."""
    return all(finding.code == code for finding in error.findings)


def lawful(findings: Sequence[Finding]) -> str:
    """What the host refused, as the message of a failed test."""
    return "the host refuses an answer: " + "; ".join(finding.what for finding in findings)
