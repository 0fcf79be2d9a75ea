"""The auditor agrees with the engine on a small company's month, and can disagree with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from random import Random

import pytest

from engine.app import App
from engine.ports.contracts.fakes.stripe import StripeFake
from tests.payments_simulation.acts import ENVIRONMENT
from tests.payments_simulation.auditor import EXCHANGE, Predicted
from tests.payments_simulation.drive import Simulation, Size
from tests.payments_simulation.judge import Judge
from tests.payments_simulation.money import Rates, share
from tests.payments_simulation.people import DUE, FATES, people, tax_on
from tests.payments_simulation.story import Story
from tests.simulation.faults import Place

SMALL = Size(customers=9, faults=0.04, every=4)
SEED = 16


@dataclass
class Lived:
    """A month that was lived, and what the auditor has predicted."""

    simulation: Simulation
    app: App
    predicted: Predicted


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """A small company's month on SQLite, with faults."""
    folder = tmp_path_factory.mktemp("month")
    with StripeFake().running() as fake, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        simulation = Simulation(SEED, SMALL, Place(folder, f"sqlite:///{folder}/books.db"), fake, lambda _: None)
        simulation.live()
        with simulation.opened() as app:
            yield Lived(simulation, app, simulation.predicted())
        simulation.close()


@pytest.mark.capability("A4.1")
@pytest.mark.capability("A4.2")
def test_a_month_through_faults(lived: Lived) -> None:
    """Killed, broken off and given twice, told late and in any order, the books are what the world outside did; money of every kind
    has come."""
    Judge(lived.app, lived.predicted).judge()
    counts = lived.simulation.counts
    assert counts["kill: killed"] and counts["fault twice"] and counts["webhooks"]
    customers = lived.simulation.customers
    assert len({one.way for one in customers}) == 3 and lived.predicted.open and lived.predicted.steps
    assert len({one.currency for one in customers}) == 3 and counts["at once: done"]
    assert {one["currency"] for one in lived.simulation.fake.payouts.values()} == {"eur", "gbp", "jpy"}


def test_the_auditor_disagrees_and_says_with_what(lived: Lived) -> None:
    """A prediction that is off by a cent, a customer or a step is named in a line."""
    said = lived.predicted
    cases = {
        "open of": replace(said, open={**said.open, "E1-2026-999999": Decimal("0.01")}),
        "GL account 1000": replace(said, ledger={**said.ledger, "1000": said.ledger["1000"] + 1}),
        "GL account exchange": replace(said, ledger={**said.ledger, EXCHANGE: said.ledger[EXCHANGE] + Decimal("0.01")}),
        "payments of C99": replace(said, payments={**said.payments, "C99": [Decimal(1)]}),
        "dunning of C99": replace(said, steps={**said.steps, "C99": [("reminder", date(2026, 3, 10))]}),
        "dispute of C99": replace(said, disputes={**said.disputes, "C99": "lost"}),
        "was not collected": replace(said, strange={"E1-2026-000001": Decimal(1)}),
    }
    for words, wrong in cases.items():
        (found,) = Judge(lived.app, wrong).differences()
        assert words in found and "\n" not in found


def test_the_seed_draws_everything() -> None:
    """The same seed has the same customers and events, another one has others; enough customers have every fate."""

    def drawn(seed: int) -> object:
        random = Random(seed)
        customers = people(random, 12)
        return customers, Story(random, customers).events

    assert drawn(11) == drawn(11) != drawn(12)
    fates = [(way, fate) for way, some in FATES.items() for fate in some]
    assert {(one.way, one.fate) for one in people(Random(1), len(fates))} == {*fates}


def test_the_auditor_can_count() -> None:
    """Its own tax, and its own worth of other currencies, on numbers worked out by hand."""
    assert [tax_on(Decimal(net), "EUR") for net in (31, 130, 1001)] == [
        Decimal("6.51"),
        Decimal("27.30"),
        Decimal("210.21"),
    ]
    assert tax_on(Decimal(1505), "JPY") == 316
    rates = Rates(Random(1))
    rates.published["GBP", DUE], rates.published["JPY", DUE] = Decimal("0.8"), Decimal("160.00")
    assert rates.worth(Decimal("10.01"), "GBP", DUE) == Decimal("12.51")
    assert rates.worth(Decimal(1000), "JPY", DUE) == Decimal("6.25") == share(Decimal("12.50"), Decimal(1), Decimal(2))
