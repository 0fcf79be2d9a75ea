"""Trials: a command is killed, perhaps again when it goes on, and in the end the books are those of a command that was not.

A death is drawn by a seeded generator: at a moment of the process's life, or at a call between which the state of the books
differs (:data:`tests.faults.killing.PLACES`), in the command or in one of its workers.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.runs.verify import run_checks
from engine.store.books import open_books
from engine.store.tables import EFFECT
from tests import stories
from tests.faults import by_key, company
from tests.faults.grounds import Ground
from tests.faults.killing import Death
from tests.faults.nursery import Child, Nursery

TENANT: Final = "acme"
PERSON: Final = ("--as", "ada", "--reason", "a test")

BILL = ("run", "bill", "--date", company.MARCH, *PERSON)


class Scenario(msgspec.Struct, frozen=True):
    """A command that is to survive: its words, the prepared books it starts from, and how many workers it has."""

    name: str
    words: Sequence[str]
    template: str
    workers: int = 0


SCENARIOS: Final = (
    Scenario("bill", BILL, "ready"),
    Scenario("bill with 2 workers", BILL, "ready", workers=2),
    Scenario("import", ("import", "data", *PERSON), "empty"),
    Scenario("deliver", ("deliver", *PERSON), "billed"),
)

WORKER_PLACES: Final = (
    "commit",
    "insert",
    "take blocks",
    "claim partition",
    "finish partition",
    "take numbers",
    "set marks",
)
"""Places that workers pass for each partition."""


class Life(msgspec.Struct, frozen=True):
    """What an undisturbed command was like: seconds that it took, calls of each place, and the books that it left."""

    seconds: float
    calls: Mapping[str, int]
    books: by_key.Snapshot


class Trial(msgspec.Struct, frozen=True):
    """How a trial went: the deaths that were meant, how many struck, what differs in the end."""

    deaths: Sequence[str]
    struck: int
    differences: Sequence[str]


class Yard:
    """A company, its prepared books on one kind of database, and a nursery."""

    def __init__(self, folder: Path, ground: Ground, nursery: Nursery) -> None:
        self.folder, self.ground, self.nursery = company.write(folder), ground, nursery
        self._lives: dict[str, Life] = {}
        ground.prepare("empty", lambda url: self._prepare(url))
        ground.prepare("billed", lambda url: self._prepare(url, "data", company.FEBRUARY), "empty")
        ground.prepare("ready", lambda url: self._prepare(url, "late"), "billed")

    def _prepare(self, url: str, *steps: str) -> None:
        with stories.opened(self.folder, url, runs__partition_size=company.PARTITION_SIZE) as app:
            app.books.migrate()
            for step in steps:
                if step[0].isdigit():
                    stories.bill(app, step)
                else:
                    stories.load(app, self.folder / step)

    def start(self, url: str, words: Sequence[str], workers: int = 0, **options: Any) -> Child:
        """Start ``tollbook words`` over the books at an address."""
        settings = {"database.url": url, "runs.partition_size": company.PARTITION_SIZE, "runs.workers": workers}
        given = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        return self.nursery.start(self.folder, *given, *words, **options)

    def run(self, url: str, words: Sequence[str], workers: int = 0, **options: Any) -> str:
        """Run a command that has to succeed; what it printed."""
        child = self.start(url, words, workers, **options)
        status = child.wait()
        assert status == 0, f"exit {status} of tollbook {' '.join(words)}:\n{child.said()}"
        return child.said()

    def life(self, scenario: Scenario) -> Life:
        """The undisturbed life of a scenario, lived once; its first birth warms what is read from the disk."""
        if scenario.name not in self._lives:
            url = self.ground.copy(scenario.template)
            counted = self.folder / f"counted-{len(self._lives)}.json"
            begin = time.monotonic()
            self.run(url, scenario.words, scenario.workers, death=Death(counted=str(counted)))
            seconds = time.monotonic() - begin
            calls = json.loads(counted.read_text())
            self._lives[scenario.name] = Life(seconds, calls, self.books(url))
            assert not by_key.gaps(url)
            self.ground.drop(url)
        return self._lives[scenario.name]

    def books(self, url: str) -> by_key.Snapshot:
        """The books by natural key."""
        return by_key.snapshot(url)

    def words_to_go_on(self, url: str, scenario: Scenario) -> Sequence[str]:
        """What somebody types after a death: ``runs resume`` where a bill run is unfinished, else the same again, when
        what the dead have claimed is free again."""
        if scenario.words[0] == "deliver":
            lapse(url)
        if scenario.words[:2] == ("run", "bill"):
            for run in unfinished(url):
                return ("runs", "resume", str(run), *PERSON)
        return scenario.words

    def trial(self, scenario: Scenario, draw: random.Random) -> Trial:
        """One trial; the books are dropped unless something differs."""
        life, url = self.life(scenario), self.ground.copy(scenario.template)
        deaths, struck = [], 0
        for _ in range(draw.choice((1, 1, 2) if scenario.workers else (1, 1, 1, 2, 3))):
            words = self.words_to_go_on(url, scenario)
            moment, death, in_workers = drawn(draw, scenario, life)
            deaths.append(f"{moment:.3f} s" if death is None else told(death, in_workers))
            child = self.start(url, words, scenario.workers, death=death, in_workers=in_workers)
            if death is None:
                time.sleep(moment)
                child.kill()
            status = child.wait()
            if status >= 0:
                assert status == 0, f"exit {status} of tollbook {' '.join(words)}:\n{child.said()}"
                break
            struck += 1
        self.run(url, self.words_to_go_on(url, scenario), scenario.workers)
        found = [*by_key.differences(life.books, self.books(url)), *by_key.gaps(url), *refused(url)]
        if not found:
            self.ground.drop(url)
        return Trial(deaths, struck, found)


def drawn(draw: random.Random, scenario: Scenario, life: Life) -> tuple[float, Death | None, bool]:
    """A moment, or a death at a call; whether it is a worker that dies there, and takes all others along."""
    if draw.random() < 0.4:
        return draw.uniform(0, life.seconds), None, False
    side = draw.choice(("before", "after"))
    if scenario.workers and draw.random() < 0.7:
        place = draw.choice(WORKER_PLACES)
        return 0.0, Death(place, draw.randint(1, 6), side), True
    place = draw.choice(sorted(life.calls))
    return 0.0, Death(place, draw.randint(1, life.calls[place]), side), False


def told(death: Death, in_workers: bool) -> str:
    """A death in words."""
    return f"{death.side} call {death.nth} of {death.place}" + (" in a worker" if in_workers else "")


def lapse(url: str) -> None:
    """Let the time pass for which effects are claimed, or wait to be tried again."""
    books = open_books(url)
    try:
        with books.writer(stories.CHANGE, tenant=TENANT) as writer:
            writer.connection.execute(sa.update(EFFECT).where(EFFECT.c.state == "pending").values(next_at=None))
    finally:
        books.close()


def unfinished(url: str) -> list[int]:
    """Bill runs that are not finished."""
    books = open_books(url)
    try:
        with books.reader() as reader:
            return [run.id for run in reader.runs(TENANT) if run.kind == "bill" and run.state == "running"]
    finally:
        books.close()


def refused(url: str) -> list[str]:
    """What the named checks of the books find wrong."""
    books = open_books(url)
    try:
        return [str(finding) for found in run_checks(books, TENANT, ()).values() for finding in found]
    finally:
        books.close()
