"""Trouble on the way between an adapter and the system it calls, as clauses that are added to every contract on demand.

Of an adapter that is set up with an address on this machine, what it sends passes a proxy that makes the trouble
(``wire``).  Of any other, the trouble is made between the host and its hook (``hook``): there is no wire to disturb.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import pytest

from engine.base.errors import TollbookError
from engine.ports.contracts.clauses import Contract
from engine.ports.contracts.faults import Fault, tampered
from engine.ports.contracts.harness import ADAPTER, Setup, Stage, refused, stage
from engine.ports.contracts.proxy import Proxy, proxied
from engine.ports.failure import AdapterFailed

AS: Final[dict[str, Fault]] = {"timeout": "slow", "late": "slow", "partial": "broken-off", "garbage": "malformed"}
"""Which fault of a vendor each trouble looks like to the adapter: it may be classed as that."""
LONGEST: Final = 2.0
"""Seconds of the time-out meanwhile."""


class Way(msgspec.Struct):
    """The way to the adapter while there is trouble: ``where`` it is made, ``begin(trouble)`` and ``release()``."""

    made: Stage
    where: str
    begin: Callable[[str], Any]
    release: Callable[[], None]


@contextmanager
def on_the_way(contract: Contract, home: Path) -> Iterator[Way]:
    """The plug-in of a contract in a host, with something between that can make trouble."""
    setup = msgspec.structs.replace(contract.setup, timeout=min(contract.setup.timeout, LONGEST))
    wires = {
        name: value
        for name, value in setup.settings.items()
        if isinstance(value, str) and urlsplit(value).scheme == "http" and urlsplit(value).hostname == "127.0.0.1"
    }
    with ExitStack() as stack:
        if wires:
            yield _wire(contract, setup, wires, home, stack)
        else:
            yield _hook(contract, stage(setup, contract.port, home), stack)


def _wire(contract: Contract, setup: Setup, wires: dict[str, str], home: Path, stack: ExitStack) -> Way:
    proxies: dict[str, Proxy] = {name: stack.enter_context(proxied(target)) for name, target in wires.items()}
    moved = {name: proxies[name].url + urlsplit(target).path for name, target in wires.items()}
    setup = msgspec.structs.replace(setup, settings={**setup.settings, **moved})

    @contextmanager
    def begin(trouble: str) -> Iterator[None]:
        for proxy in proxies.values():
            proxy.release.clear()
            proxy.trouble = trouble
        try:
            yield
        finally:
            for proxy in proxies.values():
                proxy.trouble = ""

    def release() -> None:
        for proxy in proxies.values():
            proxy.release.set()

    made = stage(setup, contract.port, home)
    return Way(made, "wire", begin, release)


def _hook(contract: Contract, made: Stage, stack: ExitStack) -> Way:
    go_on = threading.Event()
    stack.callback(go_on.set)

    @contextmanager
    def begin(trouble: str) -> Iterator[None]:
        go_on.clear()

        def between(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
            answers = ask()
            if trouble == "dup":
                return ask()
            if trouble in ("timeout", "late"):
                go_on.wait(60)
            if trouble == "timeout":
                raise TimeoutError("no answer came")
            return [object()] if trouble == "garbage" else answers[:-1] if trouble == "partial" else answers

        with tampered(made.host, ADAPTER, contract.hook, between):
            yield

    return Way(made, "hook", begin, go_on.set)


def test_trouble_on_the_way_is_classed(self: Contract, tmp_path: Path, trouble: str) -> None:
    """It gets a class that is true of it, with no secret in its words; what arrived twice is answered as once."""
    with on_the_way(self, tmp_path) as way:
        if trouble == "dup":
            with way.begin(trouble):
                self.works(way.made, tmp_path, "twice")
            return
        with way.begin(trouble), refused() as seen:
            self.call(way.made, tmp_path, "trouble")
        way.release()
    (error,) = seen
    assert isinstance(error, AdapterFailed)
    allowed = (*self.kinds[AS[trouble]], *(self.kinds["malformed"] if way.where == "hook" else ()))
    assert error.kind in allowed, f"{trouble}: {error.kind}, expected {' or '.join(allowed)}"
    shown = str(error) + way.made.log.text()
    assert [name for name, secret in self.setup.secrets.items() if secret in shown] == []


def test_after_trouble_calls_work(self: Contract, tmp_path: Path, trouble: str) -> None:
    """The same call and another one; an answer that comes late is not taken for theirs."""
    with on_the_way(self, tmp_path) as way:
        with way.begin(trouble), suppress(TollbookError):
            self.call(way.made, tmp_path, "trouble")
        way.release()
        self.works(way.made, tmp_path, "after")
        self.works(way.made, tmp_path, "trouble")


def test_what_was_in_trouble_is_done_once(self: Contract, tmp_path: Path, trouble: str) -> None:
    """Told again under its key after the trouble, it has been done as often as what had none."""
    acts = getattr(self, "acts", None)
    if acts is None:
        pytest.skip("the adapter does nothing that could be done twice")
    with on_the_way(self, tmp_path) as way:
        none = len(acts(tmp_path))
        self.works(way.made, tmp_path, "smooth")
        one = len(acts(tmp_path)) - none
        with way.begin(trouble), suppress(TollbookError):
            self.call(way.made, tmp_path, "trouble")
        way.release()
        self.works(way.made, tmp_path, "trouble")
        assert len(acts(tmp_path)) - none == 2 * one


CLAUSES: Final = (
    test_trouble_on_the_way_is_classed,
    test_after_trouble_calls_work,
    test_what_was_in_trouble_is_done_once,
)


def add(troubles: Sequence[str]) -> None:
    """Add the clauses of these troubles to every contract of this process."""
    for clause in CLAUSES:
        setattr(Contract, clause.__name__, pytest.mark.parametrize("trouble", troubles)(clause))
