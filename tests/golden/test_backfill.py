"""Usage that comes late or was wrong, in one file: what it would change is shown, then written, and a repeat is harmless."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.runs.usage.backfill import Backfilled
from tests import stories

USED = "entity,subscription,meter,key,at,quantity"
MARCH = date(2026, 3, 1)
JANUARY = "import:2026-01-01/2026-02-01"


def line(key: str, day: int, quantity: str, meter: str = "calls", subscription: str = "S5") -> str:
    return f"E1,{subscription},{meter},{key},2026-01-{day:02d}T10:00:00+01:00,{quantity}"


def backfill(app: App, folder: Path, rows: Sequence[str], instead: str = "", *, dry: bool = False) -> Backfilled:
    path = folder / "usage.csv"
    path.write_text("\n".join((USED, *rows)) + "\n")
    return app.usage.backfill(path, stories.CHANGE, MARCH, instead, dry_run=dry)


def counted(told: Backfilled) -> tuple[int, ...]:
    return told.new, told.known, told.back, told.conflict, told.refused


def moved(told: Backfilled) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    return [(m.owner, m.of, m.difference) for m in told.quantities], [(m.owner, m.of, m.difference) for m in told.money]


def quantity(app: App) -> Decimal:
    return sum((Decimal(row["quantity"]) for row in lines(app)), Decimal(0))


def lines(app: App) -> list[dict[str, Any]]:
    return [row for invoice in stories.invoices(app) for row in invoice["lines"] if row["charge"] == "calls"]


@pytest.mark.capability("A2.4")
@pytest.mark.on_sqlite
def test_a_file_is_looked_at_before_it_is_written(tmp_path: Path, database_url: str) -> None:
    """New, known, conflicting and refused events are counted; the money is what the next bill comes to then."""
    with stories.opened(stories.write(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        rows = (line("c1", 1, "10"), line("c2", 2, "11"), line("new", 3, "20"), line("x", 4, "1", "unknown"))
        dry = backfill(app, tmp_path, rows, dry=True)
        assert (dry.dry, counted(dry)) == (True, (1, 1, 0, 1, 2))
        # 150 calls cost 100 x 0.10 + 50 x 0.05; 20 more cost 1.00
        assert moved(dry) == ([("S5", "calls", Decimal(20))], [("A1", "EUR", Decimal("1.00"))])
        assert counted(backfill(app, tmp_path, rows, dry=True)) == counted(dry), "a dry run writes nothing"
        real = backfill(app, tmp_path, rows)
        assert (real.dry, counted(real), real.quantities) == (False, counted(dry), dry.quantities)
        assert counted(backfill(app, tmp_path, rows)) == (0, 2, 0, 1, 2)
        assert [found for found in app.verify().values() if found] == []


@pytest.mark.capability("A2.4")
def test_days_of_a_source_are_replaced(tmp_path: Path, database_url: str) -> None:
    """What is gone is taken back, what has other values too, and comes again under a key of its own; the bill gives the
    difference, and the same file again changes nothing."""
    with stories.opened(stories.write(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        rows = [line(f"c{n}", n, "10") for n in range(3, 16)] + [line("c1", 1, "12"), line("late", 20, "5")]
        dry = backfill(app, tmp_path, rows, JANUARY, dry=True)
        assert counted(dry) == (2, 13, 2, 0, 0)
        assert moved(dry)[0] == [("S5", "calls", Decimal(-3))]
        assert [one for one in moved(dry)[1] if one[0] == "A1"] != []
        assert counted(backfill(app, tmp_path, rows, JANUARY)) == counted(dry)
        assert counted(backfill(app, tmp_path, rows, JANUARY)) == (0, 15, 0, 0, 0)
        stories.bill(app, "2026-03-01")
        assert sum(row["amount"] for row in lines(app)) == Decimal("10.00") + 47 * Decimal("0.05")
        assert [found for found in app.verify().values() if found] == []


@pytest.mark.on_sqlite
def test_values_that_come_back_are_events_of_their_own(tmp_path: Path, database_url: str) -> None:
    """To and fro and to again: each time the books say what the last file said."""
    with stories.opened(stories.write(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        for value in ("7", "10", "7", "10", "10"):
            backfill(app, tmp_path, [line("c1", 1, value)], JANUARY)
            with app.books.reader() as reader:
                from engine.store.usage_range import events_between

                there = events_between(reader, "acme", "import", date(2026, 1, 1), date(2026, 2, 1))
            assert [event["quantity"] for event in there] == [Decimal(value)]
        assert len({event["key"] for event in there}) == 1


@pytest.mark.on_sqlite
def test_a_file_that_would_miss_something_replaces_nothing(tmp_path: Path, database_url: str) -> None:
    with stories.opened(stories.write(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        for row in (line("c1", 1, "many"), line("c1", 1, "1", "unknown"), "E1,S5,calls,c1,2026-02-05T10:00:00Z,1"):
            with pytest.raises(TollbookError) as caught:
                backfill(app, tmp_path, [row], JANUARY)
            assert caught.value.findings[0].code == "usage.incomplete"
        assert counted(backfill(app, tmp_path, [line(f"c{n}", n, "10") for n in range(1, 16)], JANUARY)) == (
            0,
            15,
            0,
            0,
            0,
        )


@pytest.mark.parametrize("text", ["phones", "phones:2026-01-01", ":2026-01-01/2026-02-01", "a:2026-02-01/2026-02-01"])
def test_what_a_file_stands_for_is_written_in_one_way(text: str) -> None:
    from engine.runs.usage.backfill import range_of

    with pytest.raises(TollbookError) as caught:
        range_of(text)
    assert caught.value.findings[0].code == "usage.no-range"
