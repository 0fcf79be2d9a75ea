"""Documents that go by several ways: each by itself, others instead of one that failed, and the inbox in the books."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.runs.delivering.run import run_deliver
from engine.runs.run import Report
from engine.store.tables import DELIVERY_WAY, INBOX_FILE
from tests import stories

RULES = """
ruleset: delivery/acme
priority: 20
effective: {from: 2020-01-01}
rules:
  - id: everywhere
    when: account.key == "A1"
    then: {channels: [{adapter: edi}, {adapter: inbox}, {adapter: delivery_file, role: copy}]}
  - id: instead
    when: account.key == "A2"
    then: {channels: [{adapter: edi, tries: 2, fallback: [edi2, inbox]}, {adapter: edi2, role: copy}]}
"""
EDI = "  - {{name: {0}, port: delivery, plugin: delivery_edi, settings: {{sender: ACME, folder: {0}}}}}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A company with two EDI partners; the electronic address of A2 is too long for either."""
    accounts = [
        f"{line},{address}"
        for line, address in zip(
            stories.FILES["accounts"], ("endpoint", "A1", "1234567890123456", "A3", "A4"), strict=True
        )
    ]
    stories.write(tmp_path, accounts=accounts, rules={"delivery/acme.yaml": RULES})
    config = (tmp_path / "config.yaml").read_text().replace("fx:", f"{EDI.format('edi')}\n{EDI.format('edi2')}\nfx:")
    (tmp_path / "config.yaml").write_text(config)
    return tmp_path


def billed(home: Path, url: str) -> Iterator[App]:
    with stories.opened(home, url) as made:
        stories.load(made, home / "data")
        stories.bill(made, "2026-02-01")
        yield made


@pytest.fixture
def app(home: Path, sqlite_url: str) -> Iterator[App]:
    yield from billed(home, sqlite_url)


def told(app: App) -> Report:
    with app.books._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE effect SET next_at = NULL")
    return run_deliver(app.parts(), app.change("ada", "deliver", "test"))


def states(app: App) -> dict[tuple[str, str], tuple[str, int]]:
    """By account and adapter: how far it has come, and how often it was tried."""
    found = {}
    for one in app.deliveries.listed():
        key = app.deliveries.one(one["delivery"])["key"].split("/")
        account = next(part for part in key if part in ("A1", "A2", "A3"))
        assert (account, one["adapter"]) not in found
        found[account, one["adapter"]] = (one["state"], one["attempts"])
    return found


def sound(app: App) -> dict[str, Any]:
    return {name: found for name, found in app.verify().items() if found}


@pytest.mark.capability("A3.3", "A3.5")
def test_each_way_is_a_delivery_of_its_own(home: Path, database_url: str) -> None:
    for app in billed(home, database_url):
        (home / "edi").write_text("a file where the folder should be")
        first = told(app)
        now = {
            ("A1", "edi"): ("pending", 1),
            ("A1", "inbox"): ("accepted", 1),
            ("A1", "delivery_file"): ("accepted", 1),
            ("A2", "delivery_file"): ("split", 1),
            ("A2", "edi"): ("pending", 1),
            ("A2", "edi2"): ("rejected", 1),
            ("A3", "delivery_file"): ("accepted", 1),
        }
        assert states(app) == now
        assert sorted(f.code for f in first.findings) == ["delivery.copy-lost", "delivery.failed"]
        second = told(app)
        given_up = {("A1", "edi"): ("pending", 2), ("A2", "edi"): ("rejected", 2), ("A2", "inbox"): ("accepted", 1)}
        assert states(app) == now | given_up
        assert sorted(f.code for f in second.findings) == ["delivery.failed", "delivery.instead"]
        assert app.worklist.listed() == []
        (home / "edi").unlink()
        assert told(app).counts["accepted"] == 1
        assert states(app) == now | given_up | {("A1", "edi"): ("accepted", 3)}
        assert len(list((home / "edi").glob("*.edi"))) == 1
        assert len(list((home / "invoices" / "E1").rglob("*.json"))) == 2
        assert (told(app).counts["accepted"], sound(app)) == (0, {})


def test_what_fails_everywhere_is_for_a_person_and_may_be_sent_again(app: App, home: Path) -> None:
    rules = (home / "rules" / "delivery" / "acme.yaml").read_text()
    (home / "rules" / "delivery" / "acme.yaml").write_text(rules.replace(", inbox]", "]"))
    with stories.opened(home, app.config.database.url) as other:
        told(other)
        (item,) = other.worklist.listed()
        assert "longer than the 15 characters" in item.difference
        (split,) = other.deliveries.listed("split")
        with pytest.raises(TollbookError, match="is split"):
            other.deliveries.again(split["delivery"], other.change("ada", "deliver", "test"))
        (mine,) = (one for one in other.deliveries.listed("rejected") if one["role"] == "required")
        again = other.deliveries.again(mine["delivery"], other.change("ada", "deliver", "test"))
        assert (again["adapter"], again["state"], other.worklist.listed()) == ("edi", "pending", [])
        assert told(other).counts["rejected"] == 1
        assert len(other.worklist.listed()) == 1
        assert sound(other) == {}


def test_verify_sees_what_was_changed_in_an_inbox_or_a_way(app: App) -> None:
    told(app)
    assert sound(app) == {}
    with app.books._engine.begin() as connection:
        connection.execute(INBOX_FILE.update().values(content="QUJD"))
        connection.execute(DELIVERY_WAY.update().where(DELIVERY_WAY.c.adapter == "edi").values(adapter="edo"))
    found = [finding.what for finding in sound(app)["deliveries-tie"]]
    assert sum("is not what was put into the inbox" in what for what in found) == 2
    assert sum("its way by edo is not in the outbox" in what for what in found) == 2


def test_an_inbox_keeps_the_document_with_its_digest(app: App) -> None:
    told(app)
    with app.books.reader() as reader:
        (one,) = reader.inbox("acme", "E1", "A1")
        assert reader.inbox("acme", "E1", "A3") == []
        file = reader.inbox_file(one.id, one.files[0].name)
    assert file is not None
    document: Mapping[str, Any] = json.loads(base64.b64decode(file.content))
    assert (document["number"], document["total"]) == (one.number, one.detail["total"])
    assert (one.read_at, one.files[0].sha256) == (None, file.sha256)


@pytest.mark.parametrize(
    ("channels", "what"),
    [
        ("[{adapter: edi}, {adapter: edi}]", "the adapter 'edi' is named twice"),
        ("[{adapter: edi, role: copy}]", "every channel is a copy"),
        ("[{adapter: edi, fallback: [edi]}]", "'edi' is told already when 'edi' has failed"),
        ("[{adapter: edx}]", "the rule 'everywhere' names the adapter 'edx', which does not exist"),
        ("[{adapter: edi, fallback: [fax]}]", "the rule 'everywhere' names the adapter 'fax', which does not exist"),
        (
            "formats: [pdf, fatturapa, pdff]",
            "the rule 'everywhere' names the kind of file 'pdff', which does not exist",
        ),
    ],
)
def test_rules_that_cannot_be_meant(home: Path, channels: str, what: str) -> None:
    text = f"""
ruleset: delivery/acme
priority: 20
effective: {{from: 2020-01-01}}
rules:
  - id: everywhere
    then: {{channels: {channels}}}
"""
    family = "delivery"
    if channels.startswith("formats"):  # of the documents that the channels bring
        family, text = "documents", text.replace("delivery/", "documents/").replace("channels: ", "")
    (home / "rules" / family).mkdir(exist_ok=True)
    (home / "rules" / family / "acme.yaml").write_text(text)
    with stories.opened(home, f"sqlite:///{home}/none.db") as app, pytest.raises(TollbookError) as caught:
        app.rule_desk().check()
    (found,) = caught.value.findings
    assert (found.what, found.where.line, found.where.column > 10) == (what, 7, True)
