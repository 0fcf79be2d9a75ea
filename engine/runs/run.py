"""What all runs share: the parts of the system they are given, how they report progress, what they leave behind."""

from __future__ import annotations

import gc
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, Protocol, TypeVar

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.billing.alike import Alike
from engine.model.attribute import Declared
from engine.model.decision import Decision
from engine.ports.host import Host
from engine.store.books import Books


class PartsOn(Protocol):
    """Gives the parts of a run of a day, of today where none is named: which rules are used is a matter of the day."""

    def __call__(self, *, on: date | None = None) -> Parts: ...


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
    @property
    def attributes(self) -> Declared: ...

    def decide(self, family: str, facts: Any, on: date) -> Decision: ...
    def decide_all(self, family: str, facts: Any, on: date) -> Sequence[Decision]: ...
    def decisions(self) -> Iterable[Decision]: ...
    def in_force(self, family: str, on: date) -> Iterable[Any]: ...
    def turns(self, family: str) -> tuple[date, ...]: ...
    def looked_at(self, family: str) -> Iterable[str]: ...


T = TypeVar("T")

UNEXPECTED = Code("run.unexpected", "A fault of the program while one record was worked on; the others went on.")

Progress = Callable[[str, int, int], None]
"""(step, done, total): called as a run gets on; must be cheap."""


def silent(step: str, done: int, total: int) -> None:
    """The progress that shows nothing."""


class Parts(msgspec.Struct, frozen=True):
    """The parts that runs are made of, put together by ``app``.

    ``partition_size`` is payers a partition; ``fx_max_age`` how many days old a rate of ``fx_source`` may be; ``workers`` processes that
    bill partitions at once, below 2 for this one alone; ``recipe``, which travels to them, bills one partition there;
    ``alike`` knows what subscriptions of a run owe that are like others; ``further`` are the further books by name, with the legal
    entities that keep them (none: all).
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
    alike: Alike = msgspec.field(default_factory=Alike)
    further: Mapping[str, tuple[str, ...]] = {}


class Report(msgspec.Struct, frozen=True):
    """What a run did.

    ``counts`` and ``seconds`` (by step) are sums over its partitions; ``details`` are the invoices of a dry run; ``money`` is
    what was invoiced: rows of (key, currency, lines, net, tax) by country, plan and currency; ``repeated`` says that the run
    was done before, and that asking for it again changed nothing.  A dry run of one account says the day ``following`` on
    which there is next something to bill.  ``rules`` says whether the release was approved, or is the rules of development.
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
    repeated: bool = False
    following: date | None = None
    rules: str = ""


def _about(finding: Finding, subject: str) -> Finding:
    """The finding with its subject; one that names a place in a rule file says for whom the rule was asked."""
    what = f"{subject}: {finding.what}" if str(finding.where) and not finding.subject else finding.what
    return msgspec.structs.replace(finding, subject=finding.subject or subject, what=what)


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection in the body: rows of a partition have no cycles, and looking for some takes a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def attempt(work: Callable[[], T], subject: str, findings: list[Finding]) -> T | None:
    """The result of ``work``; None after a failure, which becomes findings about ``subject``: it fails small."""
    try:
        return work()
    except TollbookError as error:
        findings.extend(_about(f, subject) for f in error.findings)
    except Exception as error:  # one bad record must not stop the run
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = Where(f"{frame.filename.rpartition('/')[2]}", frame.lineno or 0)
        findings.append(
            Finding(
                UNEXPECTED,
                place,
                f"{type(error).__name__}: {error}",
                "a fault of the program or of a plug-in",
                "report it with this finding; the record is billed by the next run once it is mended",
                subject=subject,
            )
        )
    return None


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
