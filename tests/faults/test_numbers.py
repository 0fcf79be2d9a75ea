"""Fifty writers on the same series, most of whom fail at some point: no gap, no duplicate, dates that never decrease."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from engine.base.errors import TollbookError
from engine.store.books import Books
from engine.store.checks.base import ALL
from engine.store.writer import Writer
from tests.unit.store import sample as s

SERIES = ("INV", "CRN", "R")
TIMES = 4
LATER = s.FEB + timedelta(1)


class Accident(Exception):
    """What happens to a writer in the middle of its work."""


class Crowd:
    """Writers that issue documents, each in a transaction of its own; what each was told is kept."""

    def __init__(self, books: Books, subscription: int) -> None:
        self.books, self.subscription = books, subscription
        self.kept: list[tuple[str, int, date]] = []
        self.fates: Counter[str] = Counter()
        self.lock = threading.Lock()

    def write(self, number: int) -> None:
        """Issue some documents, fail at random before, between and after the numbers are taken.  Series are locked in the order
        of their names, as bill runs do, so that no two writers wait for one another."""
        own = random.Random(number)
        for turn in range(TIMES):
            day = LATER + timedelta(days=turn * 3 + own.randrange(5))
            accident = own.choice(["none", "none", "before", "after", "last"])
            taken: list[tuple[str, int, date]] = []
            fate = "issued"
            try:
                with self.books.writer(s.CHANGE, tenant=s.T) as writer:
                    if accident == "before":
                        raise Accident
                    for series in sorted(own.sample(SERIES, own.randint(1, 2))):
                        taken.append(self.issue(writer, series, 1000 + number * 100 + turn * 10 + len(taken), day))
                        if accident == "after":
                            raise Accident
                    if accident == "last":
                        raise Accident
            except Accident:
                fate = "failed"
            except TollbookError as error:
                assert [str(f.code) for f in error.findings] == ["numbering.date-decreases"]
                fate = "too early"
            with self.lock:
                self.fates[fate] += 1
                self.kept += taken if fate == "issued" else []

    def issue(self, writer: Writer, series: str, ident: int, day: date) -> tuple[str, int, date]:
        """One document of nothing, so that it needs no postings; its number is taken last."""
        rated = [s.charge(self.subscription, amount="0", charge=f"c{ident}")]
        writer.append("invoice_line", [s.line_row(ident * 10, ident, 1, rated[0])])
        sequence = writer.take_numbers(s.T, s.E, series, 1, day)
        more: dict[str, Any] = {"series": series, "number": f"{series}-{sequence}", "group_key": str(ident)}
        writer.append("invoice", [s.invoice_row(ident, sequence, rated, day, **more)])
        return series, sequence, day


@pytest.mark.capability("A3.4")
def test_fifty_writers_with_random_failures(books: Books) -> None:
    """What was issued has the numbers 1, 2, 3, ... of each series, with dates that never decrease; what failed has none."""
    ids = s.company(books)
    crowd = Crowd(books, ids["S-parent"])
    writers = 50 if books.dialect == "postgresql" else 8
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            crowd.write(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert failures == [] and not any(thread.is_alive() for thread in threads)
    assert crowd.fates["issued"] and crowd.fates["failed"] and sum(crowd.fates.values()) == writers * TIMES
    with books.reader() as reader:
        heads = [(h["series"], h["sequence"], h["invoice_date"]) for h in reader.invoices(s.T) if h["id"] >= 1000]
    assert sorted(heads) == sorted(crowd.kept), "what a writer was told is what the books have"
    for series in SERIES:
        mine = sorted((sequence, day) for name, sequence, day in heads if name == series)
        first = 3 if series == "INV" else 1
        assert [sequence for sequence, _ in mine] == list(range(first, first + len(mine)))
        assert [day for _, day in mine] == sorted(day for _, day in mine)
    with books.reader() as reader:
        for name in ("numbers-gapless", "dates-in-series", "invoice-totals"):
            assert ALL[name](reader, s.T) == []
