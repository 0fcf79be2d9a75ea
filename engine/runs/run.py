"""What all runs share: the parts of the system they are given, how they report progress, what they leave behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any, Protocol

import msgspec

from engine.base.errors import Finding
from engine.model.decision import Decision
from engine.ports.host import Host
from engine.store.books import Books


class Rules(Protocol):
    """What a run needs of the rule book: the release that it pins, and the decisions."""

    @property
    def release(self) -> str: ...
    @property
    def files(self) -> Mapping[str, bytes]: ...
    @property
    def overrides(self) -> Mapping[str, Any]: ...
    @property
    def plugins(self) -> Mapping[str, str]: ...

    def decide(self, family: str, facts: Any, on: date) -> Decision: ...
    def decisions(self) -> Iterable[Decision]: ...
    def in_force(self, family: str, on: date) -> Iterable[Any]: ...


Progress = Callable[[str, int, int], None]
"""(step, done, total): called as a run gets on; must be cheap."""


def silent(step: str, done: int, total: int) -> None:
    """The progress that shows nothing."""


class Parts(msgspec.Struct, frozen=True):
    """The parts that runs are made of, put together by ``app``.

    ``partition_size`` is payers a partition; ``fx_max_age`` how many days old a rate of ``fx_source`` may be; ``workers`` processes that
    bill partitions at once, below 2 for this one alone; ``recipe``, which travels to them, bills one partition there.
    """

    books: Books
    rules: Rules
    host: Host
    tenant: str
    partition_size: int = 500
    fx_max_age: int = 7
    fx_source: str = "ECB"
    workers: int = 0
    recipe: Callable[[Any, int], dict[str, Any]] | None = None


class Report(msgspec.Struct, frozen=True):
    """What a run did.

    ``counts`` and ``seconds`` (by step) are sums over its partitions; ``details`` are the invoices of a dry run; ``money`` is
    what was invoiced: rows of (key, currency, lines, net, tax) by country, plan and currency.
    """

    run_id: int
    kind: str
    period: str
    release: str
    state: str
    counts: Mapping[str, int]
    seconds: Mapping[str, float]
    findings: tuple[Finding, ...] = ()
    details: tuple[Mapping[str, Any], ...] = ()
    money: Mapping[str, Any] = {}


class Clock:
    """Adds up how long each step takes; the only timer in the runs, and no result depends on it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the body as part of the step ``name``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def add_up(totals: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add the numbers of ``more`` to ``totals`` by key."""
    for key, value in more.items():
        totals[key] = totals.get(key, 0) + value
