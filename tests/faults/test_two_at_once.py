"""Two processes at the same work: nothing is billed or delivered twice, and the books are those of one."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.faults import by_key, company
from tests.faults.killing import Death
from tests.faults.trials import BILL, PERSON, SCENARIOS, Yard, refused, unfinished

LATER = ("run", "bill", "--date", "2026-03-15", *PERSON)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def differences(yard: Yard, url: str, scenario: str = "bill") -> list[str]:
    """What is not as one undisturbed command leaves it."""
    return [*by_key.differences(yard.life(BY_NAME[scenario]).books, yard.books(url)), *by_key.gaps(url), *refused(url)]


def sent_to(folder: Path) -> tuple[str, str]:
    """Options of a command whose documents go to a folder of their own."""
    return ("--set", f"adapters.delivery_file.settings.folder={folder}")


@pytest.mark.capability("A1.2")
@pytest.mark.parametrize("workers", [0, 2])
def test_one_date_twice_at_once(yard: Yard, workers: int) -> None:
    """Two commands for one date share the run: both end well, and every partition is billed once."""
    url = yard.ground.copy("ready")
    both = [yard.start(url, BILL, workers), yard.start(url, BILL, 0)]
    assert [child.wait() for child in both] == [0, 0], [child.said() for child in both]
    assert differences(yard, url) == []
    yard.ground.drop(url)


@pytest.mark.parametrize("place", ["start run", "take numbers", "finish run"])
def test_one_date_while_the_other_is_held_up(yard: Yard, place: str) -> None:
    """One process sleeps where it hurts most, at its second partition or its end; the other overtakes it or waits."""
    url = yard.ground.copy("ready")
    nth = 1 if place.endswith("run") else 2
    held = yard.start(url, BILL, death=Death(place, nth, hang=1))
    time.sleep(0.2)
    other = yard.start(url, BILL)
    assert [held.wait(), other.wait()] == [0, 0], held.said() + other.said()
    assert differences(yard, url) == []
    yard.ground.drop(url)


@pytest.mark.capability("A1.2")
def test_two_dates_at_once(yard: Yard) -> None:
    """The second date is refused while the first is at work; on SQLite it waits for the one writer, and may come after it."""
    url = yard.ground.copy("ready")
    first = yard.start(url, BILL, death=Death("take numbers", 3, hang=4))
    while not unfinished(url):
        time.sleep(0.01)
    second = yard.start(url, LATER)
    code = second.wait()
    assert first.wait() == 0, first.said()
    if code == 0:
        assert yard.ground.name == "sqlite", second.said()
    else:
        assert "[run.unfinished]" in second.said() and "runs resume" in second.said()
        assert differences(yard, url) == []
    yard.run(url, ("verify",))
    yard.ground.drop(url)


def test_an_earlier_date_that_was_overtaken(yard: Yard) -> None:
    """A run that is about to start while a later one starts and ends is refused, and leaves nothing behind; on SQLite it
    holds the only writer already, so that the later one waits, and is refused or comes after it."""
    url = yard.ground.copy("ready")
    early = yard.start(url, ("run", "bill", "--date", "2026-02-15", *PERSON), death=Death("roll up usage", 1, hang=3))
    time.sleep(0.5)
    late = yard.start(url, BILL)
    codes = (early.wait(), late.wait())
    if yard.ground.name == "postgresql":
        assert codes == (1, 0), early.said() + late.said()
        assert "[run.before-documents]" in early.said()
        assert differences(yard, url) == []
    else:
        assert codes[0] == 0, early.said()
        assert codes[1] == 0 or "[run.unfinished]" in late.said()
    assert not unfinished(url)
    yard.ground.drop(url)


@pytest.mark.parametrize("workers", [0, 2])
def test_two_resumes_at_once(yard: Yard, workers: int) -> None:
    """Both go on with the run that was killed; the findings of its end are there once."""
    url = yard.ground.copy("ready")
    assert yard.start(url, BILL, death=Death("take numbers", 5, "after")).wait() < 0
    (run,) = unfinished(url)
    both = [yard.start(url, ("runs", "resume", str(run), *PERSON), count) for count in (workers, 0)]
    assert [child.wait() for child in both] == [0, 0], [child.said() for child in both]
    assert differences(yard, url) == []
    yard.ground.drop(url)


def test_abandoned_while_it_is_at_work(yard: Yard) -> None:
    """A run that is given up under its process stops by itself; what comes after bills the rest, once."""
    url = yard.ground.copy("ready")
    slow = yard.start(url, BILL, death=Death("take blocks", 4, hang=4))  # between reading a partition and writing it
    while not (runs := unfinished(url)):
        time.sleep(0.01)
    time.sleep(1)
    yard.run(url, ("runs", "abandon", str(runs[0]), *PERSON))
    assert slow.wait() == 1
    assert "[store.run-ended]" in slow.said()
    yard.run(url, ("run", "bill", "--date", "2026-03-02", *PERSON))
    assert [*by_key.gaps(url), *refused(url)] == []
    yard.ground.drop(url)


def test_delivered_twice_at_once(yard: Yard, tmp_path: Path) -> None:
    """Two deliveries share the outbox: every document is told once, and is there once."""
    url = yard.ground.copy("billed")
    words = (*sent_to(tmp_path / "sent"), "deliver", "--json", *PERSON)
    both = [yard.start(url, words), yard.start(url, words)]
    assert [child.wait() for child in both] == [0, 0], [child.said() for child in both]
    counts = [json.loads(child.said())["counts"] for child in both]
    assert sum(count["accepted"] for count in counts) == 43
    assert differences(yard, url, "deliver") == []
    files = Counter(path.suffix for path in (tmp_path / "sent").rglob("*") if path.is_file())
    assert files[".html"] == 43
    yard.ground.drop(url)


def test_the_same_import_twice_at_once(yard: Yard) -> None:
    """What both load is loaded once; one that meets a row of the other stops with that, and can be repeated."""
    url = yard.ground.copy("empty")
    words = ("import", "data", *PERSON)
    for child in [yard.start(url, words), yard.start(url, words)]:
        assert child.wait() == 0 or "[store.duplicate]" in child.said(), child.said()
    yard.run(url, words)
    found = [
        line for line in differences(yard, url, "import") if not line.startswith(("audit:", "run:", "intake_file:"))
    ]
    assert found == []
    yard.run(url, ("run", "bill", "--date", company.FEBRUARY, *PERSON))
    assert refused(url) == []
    yard.ground.drop(url)
