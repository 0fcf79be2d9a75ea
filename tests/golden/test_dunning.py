"""Dunning through the books: from the due date to the agency, with everything that may come between, to the cent."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.runs.dunning import run as dunning_run
from engine.runs.run import Report
from tests import stories
from tests.stories import CHANGE

D = Decimal
INVOICE = "E1-2026-000001"
RULES = {
    "dunning/acme.yaml": """
ruleset: dunning/acme
scope: account.key in ["A1", "A2"]
priority: 1
effective: {from: 2020-01-01}
rules:
  - id: four
    then:
      level: account
      minimum: 20 EUR
      broken_after: 1 day
      promise_grace: 2 days
      agency: {name: Incasso BV, email: claims@incasso.example}
      steps:
        - {name: reminder, after: 7 days, channels: [email, post]}
        - {name: first, after: 14 days, tone: demand, charge: claim, fee: 5 EUR}
        - {name: final, after: 14 days, tone: final, charge: debit_note, by_law: true, channels: [email, post]}
        - {name: agency, after: 14 days, action: handover, charge: debit_note}
""",
    "routing/consents.yaml": """
ruleset: routing/consents
scope: port == "consent"
priority: 1
effective: {from: 2020-01-01}
rules:
  - {id: consents, then: {adapter: consents}}
""",
}
SIGNALS = "account,channel,state,at"


def written(folder: Path) -> Path:
    """The company of the stories, with an agency, and customers that have said how they may be written to."""
    accounts = (
        "entity,key,name,country,currency,zone,payer,parent,email,language",
        "E1,A1,One,NL,EUR,Europe/Amsterdam,,,one@example.com,nl",
        "E1,A2,Two,NL,USD,America/New_York,,,two@example.com,en",
        "E1,A3,Three,NL,JPY,Asia/Tokyo,,,,",
        "E1,A4,Child of one,NL,EUR,Europe/Amsterdam,A1,A1,,",
    )
    chart = stories.add("gl_accounts", "4800,Other income,income")
    stories.write(folder, rules=RULES, accounts=accounts, gl_accounts=chart)
    config = folder / "config.yaml"
    adapter = "  - {name: consents, port: consent, plugin: consent_file, settings: {signals: consents.csv}}\n"
    config.write_text(config.read_text().replace("fx: {", f"{adapter}fx: {{"))
    signals(folder, "A1,email,given,2026-01-01T00:00:00Z", "A1,post,given,2026-01-01T00:00:00Z")
    return folder


def signals(folder: Path, *lines: str) -> None:
    """What the source of consent knows from now on."""
    (folder / "consents.csv").write_text("\n".join((SIGNALS, *lines)) + "\n")


@contextmanager
def late(folder: Path, url: str) -> Iterator[App]:
    """The company, billed on 1 February; A1 owes 525.94 EUR, due on 3 March."""
    with stories.opened(folder, url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        yield app


@pytest.fixture
def story(tmp_path: Path, database_url: str) -> Iterator[App]:
    """The late company on each database."""
    with late(written(tmp_path), database_url) as app:
        yield app


@pytest.fixture(scope="module")
def _late_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = written(tmp_path_factory.mktemp("late"))
    with late(folder, f"sqlite:///{folder / 'books.db'}"):
        return folder


@pytest.fixture
def local(tmp_path: Path, _late_once: Path) -> Iterator[App]:
    """A copy of the late company on SQLite."""
    shutil.copytree(_late_once, tmp_path, dirs_exist_ok=True)
    with stories.opened(tmp_path, f"sqlite:///{tmp_path / 'books.db'}") as app:
        yield app


def day(month: int, number: int) -> date:
    """A day of 2026."""
    return date(2026, month, number)


def run(app: App, on: date, **more: Any) -> Report:
    """Dunning of A1 on a day."""
    return app.dunning.run(on, CHANGE, account="A1", **more)


def taken(app: App) -> list[tuple[str, date, str]]:
    """The steps of A1: name, day, channel."""
    (shown,) = app.dunning.shown("A1", day(12, 31))
    return [(one["step"], one["day"], one["channel"]) for one in shown.steps]


def codes(found: Any) -> list[str]:
    """Codes of findings."""
    return [str(one.code) for one in found.findings]


def well(app: App) -> None:
    """Nothing is wrong with the books."""
    assert {name: [str(f) for f in found] for name, found in app.verify().items() if found} == {}


def income(app: App) -> Decimal:
    """What paying late has brought, by the ledger."""
    return -sum((row["amount"] for row in app.ledger.trial_balance()["E1"] if row["account"] == "4800"), D(0))


@pytest.mark.capability("A6.2", "B5.7")
def test_from_the_due_date_to_the_agency(story: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Due, reminder, first, promise broken, paid in part, returned, final with interest, handed over; killed and resumed on
    the way; each run again changes nothing."""
    app = story
    assert run(app, day(3, 9)).counts["steps"] == 0
    assert run(app, day(3, 10), dry_run=True).details[0]["step"] == "reminder"
    _killed(app, day(3, 10), monkeypatch)
    assert taken(app) == []
    assert run(app, day(3, 10)).counts == {"accounts": 1, "steps": 1, "letters": 1, "debit_notes": 0}
    assert run(app, day(3, 10)).repeated
    first = run(app, day(3, 24))
    assert (first.details[0]["asked"], first.details[0]["costs"]) == (D("525.94"), D("48.07"))  # 3.07 + 40 + 5
    assert income(app) == 0, "a claim is not booked"
    app.accounts.pay("A1", "wire", D("200.00"), CHANGE, on=day(3, 26), invoices=[INVOICE])
    promised = app.dunning.promise("A1", None, day(4, 7), CHANGE, on=day(3, 27))
    assert (promised["amount"], promised["until"]) == (D("325.94"), day(4, 10))
    (shown,) = app.dunning.shown("A1", day(4, 7))
    assert (shown.standings[0]["state"], shown.standings[0]["why"]) == ("held", "promised for 2026-04-07")
    assert run(app, day(4, 7)).counts["steps"] == 0
    app.accounts.charged_back("A1", "back", D("200.00"), CHANGE, on=day(4, 9), payment="wire")
    broken = run(app, day(4, 10))
    assert codes(broken) == ["dunning.broken"] and broken.counts["steps"] == 0
    last = run(app, day(4, 13))  # the 11th is a Saturday
    assert (last.counts["steps"], last.counts["debit_notes"]) == (1, 1)
    # 525.94 for 23 days, 325.94 for 14, 525.94 for 4 at 10.15 %, with the compensation and the fee of the first letter
    assert last.details[0]["costs"] == income(app) == D("50.22")
    assert app.accounts.shown("A1").balances[0].owed == D("576.16")
    agency = run(app, day(4, 28))  # the 27th is a holiday in the Netherlands
    assert (agency.details[0]["step"], agency.details[0]["costs"]) == ("agency", D("2.19"))
    assert run(app, day(6, 1)).counts["steps"] == 0
    (shown,) = app.dunning.shown("A1", day(6, 1))
    assert shown.standings[0]["state"] == "finished" and shown.ahead == ()
    assert taken(app) == [
        ("reminder", day(3, 10), "email"),
        ("first", day(3, 24), "email"),
        ("final", day(4, 13), "email"),
        ("agency", day(4, 28), "email"),
    ]
    assert app.deliver(CHANGE, limit=100).counts["rejected"] == 0
    _letters(tmp_path)
    well(app)


def _killed(app: App, on: date, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is broken off within the transaction of its only account."""

    class Killed(BaseException):
        """The process is gone."""

    def gone(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(dunning_run, "_note_details", gone)
        patch.setattr("engine.store.writing.outbox.OutboxWriter.add_effects", gone)
        with pytest.raises(Killed):
            run(app, on)


def _letters(folder: Path) -> None:
    """What the customer and the agency got."""
    out = folder / "invoices" / "E1"
    letter = json.loads((out / "2026-04" / "A1-EUR-1.3.json").read_text())
    assert [one["amount"] for one in letter["charges"]] == ["5.22", "40.00", "5.00"]
    assert (letter["asked"], letter["total"], letter["law"]) == ("525.94", "576.16", "Directive 2011/7/EU")
    page = (out / "2026-04" / "A1-EUR-1.3.html").read_text()
    assert "Ingebrekestelling" in page and INVOICE in page and "576,16" in page
    rows = list(csv.DictReader((out / "2026-04" / "A1-EUR-1.4.csv").read_text().splitlines()))
    assert [(row["number"], row["kind"], row["asked"]) for row in rows] == [
        (INVOICE, "invoice", "525.94"), (INVOICE, "late_interest", "2.19"),
    ]  # fmt: skip
    assert (
        json.loads((out / "2026-04" / "A1-EUR-1.4.json").read_text())["recipient"]["email"] == "claims@incasso.example"
    )


@pytest.mark.capability("A6.2")
def test_a_dispute_freezes_its_part_alone(local: App) -> None:
    """The rest is asked for, and all of it once the dispute is over; what is on its way is not asked for either."""
    local.dunning.hold(
        "A1", CHANGE, reason="dispute 7", invoice=INVOICE, amount=D("500.00"), key="dispute-7", on=day(3, 5)
    )
    assert run(local, day(3, 10)).details[0]["asked"] == D("25.94")
    local.dunning.hold("A1", CHANGE, reason="debit", invoice=INVOICE, amount=D("10.00"), kind="pending", on=day(3, 11))
    (shown,) = local.dunning.shown("A1", day(3, 24))
    assert (shown.standings[0]["state"], shown.standings[0]["why"]) == ("held", "15.94 is under the minimum")
    assert run(local, day(3, 24)).counts["steps"] == 0
    local.dunning.resume("A1", CHANGE, key="dispute-7", on=day(3, 25))
    assert run(local, day(3, 25)).details[0]["asked"] == D("515.94")
    well(local)


@pytest.mark.capability("B5.7")
def test_consent_is_obeyed(local: App, tmp_path: Path) -> None:
    """A withdrawal takes a letter that waits to another channel; without any it does not go, and what the law requires does.
    A source that fails has not consented."""
    run(local, day(3, 10))
    withdrawn = ("A1,email,withdrawn,2026-03-10T10:00:00Z", "A1,post,given,2026-01-01T00:00:00Z")
    signals(tmp_path, *withdrawn)
    told = local.deliver(msgspec.structs.replace(CHANGE, at=datetime(2026, 3, 10, 11, tzinfo=UTC)), limit=100)
    assert codes(told) == ["dunning.rerouted"]
    letter = json.loads((tmp_path / "invoices" / "E1" / "2026-03" / "A1-EUR-1.1.json").read_text())
    assert letter["channel"] == "post"
    (tmp_path / "consents.csv").unlink()
    waiting = run(local, day(3, 24))
    assert (codes(waiting), waiting.counts["steps"]) == (["dunning.consent-not-known"], 0)
    signals(tmp_path, withdrawn[0], "A1,post,refused,2026-03-11T10:00:00Z")
    silent = run(local, day(3, 24))
    assert (codes(silent), silent.counts["steps"], silent.counts["letters"]) == (["dunning.no-channel"], 1, 0)
    final = run(local, day(4, 7))
    assert (final.counts["letters"], final.details[0]["channel"]) == (1, "post")
    well(local)


@pytest.mark.capability("A6.2")
def test_a_plan_and_what_is_refused(local: App) -> None:
    """Instalments sum to the claim; a missed one lets dunning go on; insolvency stops it; what cannot be meant is refused."""
    desk = local.dunning
    for act, code in (
        (lambda: desk.promise("A1", D("600"), day(3, 20), CHANGE, on=day(3, 11)), "dunning.unfit"),
        (lambda: desk.promise("A1", None, day(5, 20), CHANGE, on=day(3, 11)), "dunning.unfit"),
        (lambda: desk.plan("A1", [(day(3, 20), D("500"))], CHANGE, on=day(3, 11)), "dunning.unfit"),
        (lambda: desk.hold("A1", CHANGE, reason="x", amount=D(1), on=day(3, 11)), "dunning.unfit"),
        (lambda: desk.hold("A1", CHANGE, reason="x", invoice="E1-2026-00001", on=day(3, 11)), "dunning.not-of-account"),
        (lambda: desk.resume("A1", CHANGE, on=day(3, 11)), "dunning.not-held"),
        (lambda: desk.hand_over("A3", CHANGE, on=day(3, 11)), "dunning.unfit"),
        (lambda: desk.hand_over("A1", CHANGE, on=day(3, 1)), "dunning.nothing-open"),
        (lambda: desk.shown("A9"), "account.unknown"),
        (lambda: desk.run(day(3, 11), CHANGE, account="A9"), "account.unknown"),
    ):
        with pytest.raises(TollbookError) as refused:
            act()
        assert codes(refused.value) == [code]
    parts = [(day(3, 20), D("225.94")), (day(4, 20), D("300.00"))]
    made = desk.plan("A1", parts, CHANGE, on=day(3, 11))
    assert desk.plan("A1", parts, CHANGE, on=day(3, 11)) == made, "the same key is the same plan"
    with pytest.raises(TollbookError) as conflict:
        desk.plan("A1", [(day(3, 21), D("525.94"))], CHANGE, on=day(3, 11))
    assert codes(conflict.value) == ["dunning.key-conflict"]
    local.accounts.pay("A1", "one", D("225.94"), CHANGE, on=day(3, 20))
    assert run(local, day(4, 20)).counts["steps"] == 0
    assert codes(run(local, day(4, 24))) == ["dunning.broken"]
    desk.hold("A1", CHANGE, reason="court", kind="insolvency", on=day(4, 25))
    assert run(local, day(4, 28)).counts["steps"] == 0
    desk.resume("A1", CHANGE, on=day(4, 29))
    assert run(local, day(4, 29)).details[0]["asked"] == D("300.00")
    handed = desk.hand_over("A1", CHANGE, on=day(5, 1))
    assert (handed["asked"], handed["agency"]) == (D("300.00"), "Incasso BV")
    assert run(local, day(6, 1)).counts["steps"] == 0
    well(local)


def test_interest_is_voided_as_it_was_posted(local: App) -> None:
    """A debit note of interest that is given back leaves nothing in other income, revenue or contract balances."""
    for on in (day(3, 10), day(3, 24), day(4, 7)):
        run(local, on)
    assert income(local) == D("50.12")
    revenue = {r["account"]: r["amount"] for r in local.ledger.trial_balance()["E1"] if r["currency"] == "EUR"}
    local.void("E1-DN-2026-000001", day(4, 8), CHANGE)
    after = {r["account"]: r["amount"] for r in local.ledger.trial_balance()["E1"] if r["currency"] == "EUR"}
    assert (income(local), after["4000"], after["2300"]) == (0, revenue["4000"], revenue["2300"])
    well(local)
