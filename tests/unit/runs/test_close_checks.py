"""The checks of the close: a clean month has no findings, and each planted error is found by its check and by nothing else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.app import App
from engine.base.errors import TollbookError
from engine.model.close import CloseFinding, Month
from engine.runs.close.checking import business_days
from engine.runs.close.registry import CHECKS
from engine.runs.close.steps import EVERY, STEPS
from engine.store.books import open_books
from tests import stories
from tests.unit.runs import close_books as c

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "close-the-month.md"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A company whose January is clean."""
    files = {"gl_accounts": c.ACCOUNTS, "rates": c.RATES}
    folder = stories.write(
        tmp_path_factory.mktemp("clean"),
        rules=c.RULES,
        **{name: stories.add(name, *rows) for name, rows in files.items()},
    )
    with stories.opened(folder, f"sqlite:///{folder / 'books.db'}", **c.SETTINGS) as app:
        stories.load(app, folder / "data")
        c.clean(app)
        app.books.close()  # what is in the log comes into the file
        yield app


@pytest.fixture
def app(company: App, tmp_path: Path) -> Iterator[App]:
    """The company with a copy of its books."""
    kept = company.books
    shutil.copy(company.config.folder / "books.db", tmp_path / "copy.db")
    company.__dict__["books"] = open_books(f"sqlite:///{tmp_path / 'copy.db'}")
    company.__dict__.pop("approvals", None)
    yield company
    company.books.close()
    company.__dict__["books"] = kept


def found(app: App) -> dict[str, tuple[CloseFinding, ...]]:
    return {one.code: one.findings for one in app.closing.check("E1", c.JAN, c.CLOSER) if one.findings}


def test_a_clean_month_has_no_findings(app: App) -> None:
    assert found(app) == {}


def test_what_begins_later_or_never_is_not_behind(app: App) -> None:
    """A subscription without any event, and one of the month after that no run has looked at."""
    more = {
        "subscriptions": ("entity,key,account,anchor_day", "E1,S7,A1,1", "E1,S8,A1,1"),
        "subscription_events": (
            "entity,subscription,key,kind,on,plan,quantity",
            "E1,S8,1,start,2026-02-10,team,1",
        ),
    }
    stories.load(app, stories.deliver(app.config.folder, "later", **more))
    assert found(app) == {}


@pytest.mark.capability("A8.4")
@pytest.mark.capability("B2.6")
@pytest.mark.parametrize("code", c.PLANTED)
def test_a_planted_error_is_found_by_its_check_alone(app: App, code: str) -> None:
    with app.books._engine.connect() as connection:
        c.PLANTED[code](c.Spoiler(app, connection))
        connection.commit()
    everything = found(app)
    assert {*everything} == {code}
    for one in everything[code]:
        assert one.subject and one.what and one.mend and one.owner
        assert (one.severity, one.state) == (CHECKS[code].severity, "open")
        assert one.amount is None or one.currency


def test_what_is_at_stake_is_told(app: App) -> None:
    with app.books._engine.connect() as connection:
        for code in ("lines-without-posting", "revenue-not-recognised", "worklist-open", "tax-corrections-pending"):
            c.PLANTED[code](c.Spoiler(app, connection))
            connection.commit()
    assert {code: (str(f.amount.normalize()), f.currency) for code, (f,) in found(app).items() if f.amount} == {
        "lines-without-posting": ("31", "EUR"),
        "revenue-not-recognised": ("1", "EUR"),
        "worklist-open": ("3", "EUR"),
        "tax-corrections-pending": ("1", "EUR"),
    }


def test_an_unknown_check_is_refused(app: App) -> None:
    with pytest.raises(TollbookError, match="did you mean 'unbilled-usage'") as raised:
        app.closing.check("E1", c.JAN, c.CLOSER, ["unbiled-usage"])
    assert raised.value.findings[0].code == "close.unknown-check"
    with pytest.raises(TollbookError, match="there is no legal entity 'E9'"):
        app.closing.run("E9", c.JAN, c.CLOSER)
    with pytest.raises(TollbookError, match="nobody has begun to close 2026-01 of E1"):
        app.closing.evidence("E1", c.JAN, Path("nowhere"))


def test_checks_and_steps_fit_together() -> None:
    names = [step.name for step in STEPS]
    assert {check.group for check in CHECKS.values()} <= {*EVERY}
    assert all(step.after == tuple(names[:n][-1:]) for n, step in enumerate(STEPS))
    wanted = {group for step in STEPS for group in step.wants}
    assert {check.group for check in CHECKS.values()} <= wanted


@pytest.mark.parametrize(
    ("country", "today", "days"),
    [
        ("NL", date(2026, 1, 31), 0),
        ("NL", date(2026, 2, 1), 0),  # a Sunday
        ("NL", date(2026, 2, 2), 1),
        ("NL", date(2026, 2, 6), 5),
        ("NL", date(2026, 2, 9), 6),
        ("DE", date(2026, 5, 31), 80),  # 85 without Saturdays and Sundays, five of them holidays
        ("NL", date(2030, 1, 1), 254),  # a year is enough
    ],
)
def test_business_days_since_a_month_ended(country: str, today: date, days: int) -> None:
    assert business_days(country, Month.of(date(2026, 1, 15)), today) == days


def test_a_digest_is_of_what_a_finding_says() -> None:
    one = CloseFinding("x", "blocker", "a/1", "it is odd", Decimal("5.00"), "EUR", None, 3, "ines", "mend it")
    same = (replace(one, age=4), replace(one, amount=Decimal("5.0000")), replace(one, owner="bob", mend=""))
    assert {one.digest} == {other.digest for other in same}
    others = (replace(one, amount=Decimal("5.01")), replace(one, currency="USD"), replace(one, what="it is odder"))
    assert len({one.digest, *(other.digest for other in others), replace(one, amount=None).digest}) == 5


def test_the_guide_lists_every_check() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \| (blocker|warning) \| ([^|]+) \|", GUIDE.read_text(), re.M)
    assert rows == [(check.code, check.title, check.severity, check.owner) for check in CHECKS.values()]
