"""Invoices by e-mail, from the bill run to the report of a failure, the worklist, and the second time."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.runs.delivering.run import run_deliver
from engine.runs.run import Report
from tests import stories
from tests.plugins.mail import PASSWORD, Mailer, bounce

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:aiosmtpd")


PAGES = """
ruleset: documents/acme
priority: 20
effective: {from: 2020-01-01}
rules: [{id: pages, when: true, then: {formats: [html]}}]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailer]:
    mailer = Mailer(tmp_path_factory.mktemp("mail"))
    yield mailer
    mailer.stop()


@pytest.fixture
def app(tmp_path: Path, database_url: str, server: Mailer, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """A company that sends by e-mail; A1 and A2 have addresses, A3 has none."""
    monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
    server.taken.clear()
    server.refuse.clear()
    accounts = [
        f"{line},{mail}"
        for line, mail in zip(stories.FILES["accounts"], ("email", "a@x.example", "b@x.example", "", ""), strict=True)
    ]
    stories.write(tmp_path, accounts=accounts, rules={"documents/acme.yaml": PAGES})
    adapter = (
        "  - {name: delivery_file, port: delivery, plugin: delivery_email, settings: {host: localhost, "
        f"port: {server.port}, authority: {server.authority}, user: bill, sender: billing@acme.example, bounces: back}}}}"
    )
    adapter += "\n  - {name: pages, port: einvoice, plugin: document_html}"
    config = (tmp_path / "config.yaml").read_text().splitlines()
    lines = [adapter if "delivery_file" in line else line for line in config]
    (tmp_path / "config.yaml").write_text("\n".join(lines) + "\n")
    with stories.opened(tmp_path, database_url) as made:
        stories.load(made, tmp_path / "data")
        stories.bill(made, "2026-02-01")
        yield made


def told(app: App) -> Report:
    return run_deliver(app.parts(), app.change("ada", "deliver", "test"))


@pytest.mark.capability("A3.3")
def test_a_message_that_comes_back_is_seen_and_sent_again(app: App, server: Mailer, tmp_path: Path) -> None:
    server.refuse = {"b@x.example": "550 5.1.1 no such user"}
    report = told(app)
    assert (report.counts["accepted"], report.counts["rejected"]) == (1, 2)
    states = {one["document"]: one["state"] for one in app.deliveries.listed()}
    assert sorted(states.values()) == ["accepted", "rejected", "rejected"]
    items = {item.difference for item in app.worklist.listed()}
    assert items == {
        "rejected: the mail server says 550 5.1.1 no such user",
        "rejected: the buyer has no e-mail address: account A3",
    }

    (arrived,) = app.deliveries.listed("accepted")
    shown = app.deliveries.one(arrived["delivery"])
    bounce(tmp_path / "back", shown["answer"]["evidence"]["message_id"])
    heard = told(app)
    assert (heard.counts["receipts"], [finding.code for finding in heard.findings]) == (1, ["delivery.bounced"])
    assert (told(app).counts.get("receipts"), len(app.worklist.listed())) == (None, 3)
    after = app.deliveries.one(arrived["delivery"])
    assert (after["state"], after["said"]) == ("bounced", "smtp; 550 5.1.1 no such user")
    assert after["receipts"][0]["at"] == datetime(2026, 2, 2, 7, 30, tzinfo=UTC)

    change = app.change("ada", "deliver", "the mailbox is there again")
    again = app.deliveries.again(arrived["delivery"], change)
    assert (again["state"], again["document"], again["delivery"] > arrived["delivery"]) == (
        *("pending", arrived["document"]),
        True,
    )
    assert app.deliveries.again(arrived["delivery"], change)["delivery"] == again["delivery"]
    with pytest.raises(TollbookError, match=r"delivery\.underway"):
        app.deliveries.again(again["delivery"], change)
    assert told(app).counts["accepted"] == 1
    first, second = (envelope.rcpt_tos for envelope in server.taken)
    assert first == second == ["a@x.example"]
    assert len(app.worklist.listed()) == 2
    assert {name: found for name, found in app.verify().items() if found} == {}


def test_a_delivery_that_is_not_there(app: App) -> None:
    with pytest.raises(TollbookError, match=r"there is no delivery 99: .*delivery\.unknown|delivery\.unknown"):
        app.deliveries.one(99)


@pytest.mark.on_sqlite
def test_messages_come_with_the_files_that_rules_name(app: App, server: Mailer, tmp_path: Path) -> None:
    """And a document whose file cannot be made waits, with the line of the template that is wrong."""
    own = tmp_path / "templates" / "invoice.html"
    own.parent.mkdir()
    own.write_text("<p>\n{{ document.nmae }}")
    held = told(app)
    assert (held.counts["accepted"], held.counts["held"]) == (0, 3)
    assert "invoice.html:2" in held.findings[0].what
    own.unlink()
    _make_due(app)
    with stories.opened(tmp_path, app.config.database.url) as again:
        report = told(again)
        assert report.counts["accepted"] == 2, report
    (number,) = (one["document"] for one in app.deliveries.listed("accepted") if one["document"].endswith("1"))
    content = server.taken[0].content
    assert isinstance(content, bytes)
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    (page,) = message.iter_attachments()
    assert (page.get_content_type(), number in page.get_content()) == ("text/html", True)


def _make_due(app: App) -> None:
    with app.books._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE effect SET next_at = NULL")
