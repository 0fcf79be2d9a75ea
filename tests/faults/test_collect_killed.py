"""`payments collect` killed at its effects, before and after the provider has acted: every customer is charged once, and the books
are those of a command that was not killed."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from engine.app import Collection
from engine.ports.contracts.fakes.stripe import KEY, SECRET, StripeFake
from tests import stories
from tests.faults.killing import Death
from tests.faults.nursery import Nursery
from tests.faults.trials import lapse
from tests.golden.test_payments import DUE, company

COLLECT = ("payments", "collect", "--on", "2026-03-05", "--as", "ada", "--reason", "a test")
ENVIRONMENT = {"STRIPE_API_KEY": KEY, "STRIPE_WEBHOOK_SECRET": SECRET}
CARDS = (
    "E1,A1,one,card,stripe,pm_card_visa,cus_1,visa,4242",
    "E1,A2,two,card,stripe,pm_card_visa,cus_2,visa,4242",
    "E1,A3,poor,card,stripe,pm_card_chargeDeclinedInsufficientFunds,cus_3,visa,0341",
)
"""Two that pay, and one that is declined."""

POINTS = (
    ("commit", 3, "before"),
    ("claim effects", 1, "before"),
    ("claim effects", 1, "after"),
    ("tell", 1, "before"),
    ("tell", 1, "after"),
    ("answer", 2, "before"),
    ("answer", 1, "before"),
    ("answer", 2, "after"),
)
"""Where it dies: while payments are written, while effects are claimed, around the call, and around what it came to."""


Left = tuple[list[tuple[object, ...]], ...]
"""Payments, settlements and balances of the ledger, by natural key: without ids, which the provider gives as it is asked."""


@dataclass
class Till:
    """A company that is about to collect, its provider, and what an undisturbed command leaves there and in the books."""

    folder: Path
    fake: StripeFake
    nursery: Nursery
    left: Left = ()
    charges: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    count: int = 0

    def copy(self) -> str:
        """Fresh books, and a provider that knows of nothing."""
        self.count += 1
        shutil.copy(self.folder / "ready.db", self.folder / f"books-{self.count}.db")
        for known in (self.fake.intents, self.fake.keys, self.fake.events, self.fake.moves, self.fake.acts):
            known.clear()
        return f"sqlite:///{self.folder}/books-{self.count}.db"

    def killed(self, url: str, death: Death) -> bool:
        """The command, in a process of its own that dies; whether it did."""
        given = ("--set", f"database.url={url}", *COLLECT)
        return self.nursery.start(self.folder, *given, death=death, environment=ENVIRONMENT).wait() < 0

    def collected(self, url: str) -> Left:
        """The command, not disturbed; what it leaves."""
        with stories.opened(self.folder, url) as app:
            app.payments.collect(Collection(DUE), stories.CHANGE)
            assert {name: found for name, found in app.verify().items() if found} == {}
            payments = [
                (one.account, one.key, one.state, one.amount, one.taken, one.attempt, one.code, one.retry_on)
                for one in app.payments.listed()
            ]
            with app.books.reader() as reader:
                rows = [
                    (row["key"], row["kind"], row["account"], row["amount"]) for row in reader.settlements("acme", "E1")
                ]
            balances = [(row["account"], row["currency"], row["amount"]) for row in app.ledger.trial_balance()["E1"]]
            return sorted(payments), sorted(rows), sorted(balances)

    def seen(self) -> Counter[tuple[str, int, str]]:
        """What the provider has charged."""
        return Counter((one["customer"], one["amount"], one["status"]) for one in self.fake.intents.values())


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory, _nursery: Nursery) -> Iterator[Till]:
    """A company that is about to collect."""
    with StripeFake().running() as fake, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        folder = company(tmp_path_factory.mktemp("till"), fake, *CARDS)
        with stories.opened(folder, f"sqlite:///{folder}/ready.db") as app:
            app.books.migrate()
            app.import_folder(folder / "data", stories.CHANGE, date(2026, 1, 1))
            app.bill(date(2026, 2, 1), stories.CHANGE)
        made = Till(folder, fake, _nursery)
        made.left = made.collected(made.copy())
        made.charges = made.seen()
        assert [status for *_, status in sorted(made.charges)] == ["succeeded", "succeeded", "requires_payment_method"]
        yield made


@pytest.mark.capability("A4.1")
@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point[2]} {point[0]} {point[1]}")
def test_killed_at_its_effects(till: Till, point: tuple[str, int, str]) -> None:
    """It dies, and is given again when what it has claimed is free: no charge is missing, none is there twice."""
    url, (place, nth, side) = till.copy(), point
    assert till.killed(url, Death(place, nth, side)), "it should have died"
    lapse(url)
    assert till.collected(url) == till.left
    assert till.seen() == till.charges
