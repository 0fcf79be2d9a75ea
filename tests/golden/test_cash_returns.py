"""Money that goes back in part: the right documents are open again, by the allocation that was made, and the rest stays paid."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App
from engine.runs.cash.returning import Standing, _without
from tests import banks, stories
from tests.golden.test_cash import NAMES, billing, codes, day, left, paid_by, well, written
from tests.golden.test_cash import ledger as balances
from tests.stories import CHANGE

D = Decimal


@pytest.fixture(scope="module")
def _once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = written(tmp_path_factory.mktemp("returns"))
    with billing(folder, f"sqlite:///{folder / 'books.db'}") as app:
        stories.bill(app, "2026-03-01")
        return folder


@pytest.fixture
def here(tmp_path: Path, _once: Path) -> Iterator[App]:
    """A copy of the company, billed for two months."""
    shutil.copytree(_once, tmp_path, dirs_exist_ok=True)
    with stories.opened(tmp_path, f"sqlite:///{tmp_path / 'books.db'}") as app:
        yield app


def open_of(app: App, account: str) -> dict[str, Decimal]:
    """What is open of each document of an account."""
    return {item.number: item.left for item in app.accounts.shown(account).items if item.id}


@pytest.mark.capability("A4.4")
def test_a_part_that_goes_back_opens_what_it_has_paid(here: App, tmp_path: Path) -> None:
    """First what was kept, then the document that the return names, else the last one that was paid; a fee given up stays so."""
    before = open_of(here, "B2")
    first, second = sorted(before)
    money = sum(before.values()) + 50 - 7
    entry = paid_by(here, tmp_path, ("C", f"{money:.2f}", "BANKREF-778", NAMES["B2"], "two of them"))
    pays = [(first, before[first] - 7), (second, None)]
    here.cash.apply(entry, CHANGE, invoices=pays, close="fee", keep_rest=True, on=day(4))
    assert (open_of(here, "B2"), left(here, "B2")[1]) == ({}, 50)
    clearing = balances(here, "1090")
    one = ("D", "80.00", "K2", NAMES["B2"], "part of BANKREF-778 back")
    paid_by(here, tmp_path, one, on=5)
    foreseen = here.cash.match(day(5), None).entries
    done = here.cash.match(day(5), CHANGE).entries
    assert [each.state for each in foreseen] == [each.state for each in done] == ["returned"]
    assert (open_of(here, "B2"), left(here, "B2")[1]) == ({second: D(30)}, 0)
    assert balances(here, "1090") == clearing and balances(here, "6850") == {"6850": D(7)}
    well(here)
    paid_by(here, tmp_path, ("D", "20.00", "K3", NAMES["B2"], f"BANKREF-778 {first}"), on=6)
    assert [each.state for each in here.cash.match(day(6), CHANGE).entries] == ["returned"]
    assert open_of(here, "B2") == {first: D(27), second: D(30)}, "what was given up with it is owed again"
    well(here)
    rest = money - 100
    paid_by(here, tmp_path, ("D", f"{rest:.2f}", "K4", NAMES["B2"], "BANKREF-778"), on=7)
    assert [each.state for each in here.cash.match(day(7), CHANGE).entries] == ["returned"]
    assert open_of(here, "B2") == before
    well(here)


def test_somebody_says_what_a_return_takes_back(here: App, tmp_path: Path) -> None:
    """Where nothing names it, by hand; more than is there, a debit of another payment, or money that came is refused."""
    (number, *_), other = sorted(owed_of(here, "B1")), sorted(owed_of(here, "B3"))[0]
    entry = paid_by(
        here, tmp_path, ("C", "100.00", "K1", NAMES["B1"], "x"), ("C", "40.00", "K2", NAMES["B3"], "y"),
        ("D", "60.00", "K3", "who knows", "z"), ("D", "60.00", "K4", "who knows", "z"),
    )  # fmt: skip
    here.cash.apply(entry, CHANGE, invoices=[(number, None)], on=day(4))
    here.cash.apply(entry + 1, CHANGE, invoices=[(other, None)], on=day(4))
    before = open_of(here, "B1")[number]
    for of, ident in ((entry + 1, entry + 2), (entry + 2, entry + 3), (entry, entry + 1)):
        assert codes(lambda of=of, ident=ident: here.cash.returned(ident, of, CHANGE, on=day(4))) == [  # type: ignore[misc]
            "cash.not-a-return"
        ]
    assert here.cash.returned(entry + 2, entry, CHANGE, invoices=[number], on=day(4)).legs[0][:2] == (number, 60)
    assert open_of(here, "B1")[number] == before + 60
    assert codes(lambda: here.cash.returned(entry + 3, entry, CHANGE, on=day(4))) == ["cash.not-a-return"]
    well(here)


def owed_of(app: App, account: str) -> list[str]:
    """Numbers of the open documents of an account."""
    return list(open_of(app, account))


@pytest.mark.parametrize(
    ("need", "first", "pays", "kept"),
    [
        (5, (), [(1, 10), (2, 20), (3, 30)], 5),
        (20, (), [(1, 10), (2, 20), (3, 20)], 0),
        (45, (), [(1, 10), (2, 15)], 0),
        (20, (2,), [(1, 10), (2, 10), (3, 30)], 0),
        (35, (1,), [(2, 20), (3, 15)], 0),
        (70, (), [], 0),
    ],
)
def test_what_stays_paid(need: int, first: tuple[int, ...], pays: list[tuple[int, int]], kept: int) -> None:
    """Credit goes first, then what is named, then from the last back; what was given up stays with what is not touched."""
    there = Standing([(1, D(10)), (2, D(20)), (3, D(30))], D(10), "A", [(1, "fee", D(1)), (3, "fee", D(2))])
    rest = _without(there, D(need), first)
    assert (rest.pays, rest.kept) == (pays, kept)
    assert {item for item, *_ in rest.offs} <= {item for item, paid in rest.pays if paid == 10 * item}


def test_a_batch_of_returns_of_which_one_is_unknown(here: App, tmp_path: Path) -> None:
    """Two details are returns of payments, one is of nobody: two documents are open again, and one detail waits."""
    due = {key: next(iter(open_of(here, key).items())) for key in ("B1", "B3")}
    first = paid_by(
        here, tmp_path, *(("C", f"{total:.2f}", f"PAY-0{key}-1", NAMES[key], number) for key, (number, total) in due.items())
    )  # fmt: skip
    assert {each.state for each in here.cash.match(day(3), CHANGE).entries} == {"applied"}
    backs = [("RC", f"{total:.2f}", f"R{key}", NAMES[key], f"returned PAY-0{key}-1") for key, (_, total) in due.items()]
    backs.append(("RC", "12.34", "R9", "Nobody", "returned PAY-09-1"))
    file = banks.mt940(tmp_path / "back.sta", "5000.00", "2026-02-05", backs)
    assert not here.cash.load(file, CHANGE, accept=["cash.gap"]).refused
    assert sorted(each.state for each in here.cash.match(day(5), CHANGE).entries) == ["return", "returned", "returned"]
    assert all(open_of(here, key)[number] == total for key, (number, total) in due.items()) and first
    well(here)
