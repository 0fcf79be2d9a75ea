"""Debtors are told of collections by letters of their own: before any collection goes, on the day that the letter says, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.app import App
from engine.ports.hookspecs.delivery import Buyer, Seller
from engine.ports.hookspecs.notice import Collection, NoticeDocument, NoticeItem, read_document
from plugins.delivery_email.message import Letters
from tests import stories
from tests.golden import test_direct_debits as sepa

RULE = """ruleset: direct_debits/letters
effective: {from: 2000-01-01}
priority: 1
owner: finance.treasury
hit: first
rules:
  - {id: all, then: {collect: true, notice: letter, notice_channel: %s, notice_days: 5, send_days: 2, first: RCUR, wait_days: 7}}
"""
ROUTE = """ruleset: routing/letters
scope: port == "delivery"
priority: 20
effective: {from: 2000-01-01}
hit: first
rules:
  - {id: post, when: channel == "post", then: {adapter: none}}
  - {id: others, then: {adapter: delivery_file}}
"""


@contextmanager
def billed(folder: Path, url: str, channel: str = "email") -> Iterator[App]:
    """A company that tells its debtors by letter, once it has billed February."""
    sepa.company(folder)
    for name, text in (("direct_debits/letters.yaml", RULE % channel), ("routing/letters.yaml", ROUTE)):
        file = folder / "rules" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    with stories.opened(folder, url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01", account="A1")
        yield app


def deliver(app: App, day: str) -> Any:
    with sepa.on(day) as change:
        return app.deliver(msgspec.structs.replace(change, at=datetime.now(UTC)), limit=100)


def letters(folder: Path) -> list[str]:
    """The letters that are there."""
    return [path.read_text() for path in sorted((folder / "invoices").rglob("DD-*.html"))]


@pytest.mark.capability("A4.1")
def test_a_letter_goes_before_the_collection(tmp_path: Path, database_url: str) -> None:
    """Planned, told, noted with the collection; it is collected on the day that the letter says, and told once."""
    with billed(tmp_path, database_url) as app:
        first = sepa.run(app, "2026-02-02")
        assert (len(first.planned), len(first.sent)) == (1, 0)
        (held,) = [one for one in first.findings if one.code == "direct-debit.no-notice"]
        assert "the letter is not delivered yet" in str(held)
        key = first.planned[0].key
        again = sepa.run(app, "2026-02-25")
        assert again.sent == () and "direct-debit.no-notice" in {one.code for one in again.findings}, (
            "it waits for ever"
        )
        deliver(app, "2026-02-25")
        (letter,) = letters(tmp_path)
        assert "Notice of direct debit" in letter and "NL91 … 4300" in letter and "3 Mar 2026" in letter
        told = sepa.run(app, "2026-02-26")
        assert [one.code for one in told.findings if one.code == "direct-debit.no-notice"] == []
        view = app.direct_debits.shown(key)
        assert (view.debit.state, view.steps[-1].due, view.steps[-1].day) == (
            "notified",
            date(2026, 3, 3),
            date(2026, 2, 25),
        )
        assert view.steps[-1].evidence == f"effect/acme/debit_notice/E1/{key}"
        sent = sepa.run(app, "2026-02-27")
        assert [(one.key, one.due) for one in sent.sent] == [(key, date(2026, 3, 3))]
        deliver(app, "2026-03-02")
        assert len(letters(tmp_path)) == 1
        assert {name: found for name, found in app.verify().items() if found} == {}


def test_a_letter_that_nobody_brings_holds_the_collection(tmp_path: Path) -> None:
    """It is named, and goes once somebody has told the debtor."""
    with billed(tmp_path, f"sqlite:///{tmp_path / 'books.db'}", "post") as app:
        planned = sepa.run(app, "2026-02-02").planned[0].key
        waits = sepa.run(app, "2026-03-10")
        (held,) = [one for one in waits.findings if one.code == "direct-debit.no-notice"]
        assert "no adapter brings the letter" in str(held) and planned in str(held) and waits.sent == ()
        with sepa.on("2026-03-10") as change:
            app.direct_debits.notify(planned, "registered letter 7", change, date(2026, 3, 10))
        assert sepa.run(app, "2026-03-12").sent[0].due == date(2026, 3, 16)


def test_the_words_of_an_email(tmp_path: Path) -> None:
    """Amount, day, account, mandate and creditor stand in it, in the language of the debtor."""
    texts = stories.ROOT / "plugins/delivery_email/texts.yaml"
    item = NoticeItem("N1", "invoice", date(2026, 2, 1), date(2026, 3, 3), 10, 10, 10)  # type: ignore[arg-type]
    buyer = Buyer("A1", "Eins", "Gasse 1", "DE", language="de", email="a@example.com")
    document = NoticeDocument(
        *("DD-N1-1", "debit_notice", date(2026, 2, 25), "EUR", Seller("E1", "Acme BV", "Kade 1", "NL"), buyer, buyer),
        *("notice", "reminder", 1, "email", (item,), 10),  # type: ignore[arg-type]
        total=10,  # type: ignore[arg-type]
        collection=Collection(date(2026, 3, 4), "M-1", "DE98ZZZ09999999999", "NL91 … 4300"),
    )
    assert read_document(msgspec.to_builtins(document, enc_hook=str)) == msgspec.convert(
        msgspec.to_builtins(document, enc_hook=str), NoticeDocument
    )
    message = Letters(texts, "Acme <a@acme.example>", "").letter("key", document)
    body = " ".join(message.get_content().split())
    assert "Ankündigung einer Lastschrift" in str(message["Subject"])
    assert "am 4. März 2026 von Ihrem Konto NL91 … 4300 per SEPA-Lastschrift zum Mandat M-1" in body
    assert "Gläubiger-Identifikationsnummer: DE98ZZZ09999999999." in body
