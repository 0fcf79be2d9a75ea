"""The adapter ``delivery_post`` against a vendor on a loopback address: contract, addresses, doubt, and what the post brings back."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from engine.model.effect import Effect
from engine.ports.contracts import DeliveryContract, Fault, Setup
from engine.ports.contracts.clauses import FAULTS
from engine.ports.contracts.fakes.printer import SECRET, Printer, printer
from engine.ports.contracts.harness import ADAPTER
from engine.ports.discovery import SHIPPED
from engine.ports.failure import AdapterFailed
from engine.runs.delivering.run import run_deliver
from tests import stories

PAGE = b"%PDF-1.7 a page"
FILE = {"name": "N.pdf", "media_type": "application/pdf", "data": base64.b64encode(PAGE).decode()}


def letter(effect: Effect, **changes: Any) -> Effect:
    """The document with a PDF."""
    return Effect(effect.key, effect.port, effect.kind, {**effect.payload, "attachments": [FILE], **changes})


@pytest.mark.capability("A3.3")
class TestDeliveryPost(DeliveryContract):
    faults = FAULTS
    service: Printer

    @pytest.fixture(autouse=True)
    def _running(self) -> Iterator[None]:
        with printer() as self.service:
            plugin, settings = SHIPPED / "delivery_post", {"url": f"{self.service.url}/", "wait": 5}
            self.setup = Setup(plugin, settings, {"token": SECRET}, timeout=1)
            yield

    def inject(self, fault: Fault) -> AbstractContextManager[Any]:
        return self.service.failing(fault)

    def acts(self, home: Path) -> Collection[Any]:
        return [*self.service.arrived]

    def effect(self, key: str, **changes: Any) -> Effect:
        return letter(super().effect(key, **changes))

    def test_a_letter_says_where_it_goes_and_what_is_printed(self, tmp_path: Path) -> None:
        self.accepted(self.made(tmp_path), self.effect("a"))
        (sent,) = self.service.letters.values()
        assert sent["recipient"] == {"name": "Buyer AG", "lines": ["Hauptstraße 1", "80331 München"], "country": "DE"}
        assert (sent["reference"], base64.b64decode(sent["document"]["content"])) == ("a", PAGE)
        assert sent["options"] == {"service": "economy", "colour": False, "duplex": True}

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"attachments": []}, "there is no PDF among its files"),
            (
                {"buyer": {"key": "A-1", "name": "B", "address": " ", "country": "DE"}},
                "account A-1 has no postal address",
            ),
            ({"attachments": [{**FILE, "data": "QUJD"}]}, "the vendor does not take it: .*this is no PDF"),
        ],
    )
    def test_what_cannot_be_a_letter(self, tmp_path: Path, changes: dict[str, Any], reason: str) -> None:

        good, bad = self.effect("a"), letter(super().effect("b"), **changes)
        first, second = sorted(self.told(self.made(tmp_path), good, bad), key=lambda one: one.key)
        assert (first.state, second.state) == ("accepted", "rejected")
        assert re.search(reason, second.reason)
        assert len(self.service.arrived) == 1

    def test_the_same_document_with_a_page_made_anew_is_the_same_letter(self, tmp_path: Path) -> None:
        made = self.made(tmp_path)
        first = self.accepted(made, self.effect("a"))
        anew = letter(self.effect("a"), attachments=[{**FILE, "data": base64.b64encode(PAGE + b"!").decode()}])
        assert self.accepted(made, anew) == first
        assert len(self.service.arrived) == 1

    def test_what_is_in_doubt_is_asked_for(self, tmp_path: Path) -> None:
        made = self.made(tmp_path)
        (nothing,) = made.host.status(ADAPTER, [self.effect("a")])
        assert nothing.state == "retry"
        with self.service.failing("broken-off"), pytest.raises(AdapterFailed):
            made.host.tell(ADAPTER, [self.effect("a")])
        (known,) = made.host.status(ADAPTER, [self.effect("a")])
        assert (known.state, known.evidence["letter"], len(self.service.arrived)) == ("accepted", "ltr_1", 1)

    def test_a_vendor_that_wants_money_is_tried_again(self, tmp_path: Path) -> None:
        self.service.credit = False
        with pytest.raises(AdapterFailed) as failed:
            self.made(tmp_path).host.tell(ADAPTER, [self.effect("a")])
        assert failed.value.kind == "transient"

    def test_receipts_come_in_order_and_once(self, tmp_path: Path) -> None:
        made = self.made(tmp_path)
        self.accepted(made, self.effect("a"))
        for kind, reason in (("produced", ""), ("rendered", ""), ("handed_over", ""), ("returned", "moved away")):
            self.service.happens("a", kind, "2026-02-09T10:00:00Z", reason)
        first = made.host.ask_receipts(ADAPTER, "", 3)
        assert ([one.state for one in first.receipts], first.more) == (["produced", "handed_over"], True)
        last = made.host.ask_receipts(ADAPTER, first.cursor, 3)
        assert [(one.state, one.reason) for one in last.receipts] == [("bounced", "moved away")]
        assert made.host.ask_receipts(ADAPTER, last.cursor, 3).receipts == ()


RULES = """
ruleset: delivery/acme
priority: 20
effective: {from: 2020-01-01}
rules:
  - id: paper
    when: account.key == "A1"
    then: {channels: [{adapter: post}]}
  - id: paper-then-inbox
    when: account.key == "A2"
    then: {channels: [{adapter: post, fallback: [inbox]}]}
"""
PAGES = """
ruleset: documents/acme
priority: 20
effective: {from: 2020-01-01}
rules: [{id: pages, then: {formats: [pdf]}}]
"""


@pytest.mark.capability("A3.3", "A3.5")
def test_mail_that_comes_back_is_for_a_person_or_goes_another_way(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POST_TOKEN", SECRET)
    accounts = [
        f"{line},{address}"
        for line, address in zip(stories.FILES["accounts"], ("address", "Street 1", "Street 2", "", ""), strict=True)
    ]
    entities = [
        f"{line},{address}" for line, address in zip(stories.FILES["entities"], ("address", "Street 0"), strict=True)
    ]
    rules = {"delivery/acme.yaml": RULES, "documents/acme.yaml": PAGES}
    stories.write(tmp_path, accounts=accounts, entities=entities, rules=rules)
    with printer() as vendor:
        post = f"  - {{name: post, port: delivery, plugin: delivery_post, settings: {{url: '{vendor.url}'}}}}"
        pages = "  - {name: pages, port: einvoice, plugin: document_html}"
        config = (tmp_path / "config.yaml").read_text().replace("fx:", f"{post}\n{pages}\nfx:")
        (tmp_path / "config.yaml").write_text(config)
        with stories.opened(tmp_path, sqlite_url) as app:
            stories.load(app, tmp_path / "data")
            stories.bill(app, "2026-02-01")
            run_deliver(app.parts(), stories.CHANGE)
            printed = {base64.b64decode(one["document"]["content"])[:5] for one in vendor.letters.values()}
            assert (len(vendor.letters), printed) == (2, {b"%PDF-"})
            for one in list(vendor.letters.values()):
                vendor.happens(one["reference"], "handed_over", "2026-02-03T10:00:00Z")
                vendor.happens(one["reference"], "returned", "2026-02-09T10:00:00Z", "moved away")
            heard = run_deliver(app.parts(), stories.CHANGE)
            assert heard.counts["receipts"] == 4
            assert sorted(one.code for one in heard.findings) == ["delivery.bounced", "delivery.instead"]
            (item,) = app.worklist.listed()
            assert ("A1" in item.subject, item.difference) == (True, "came back: moved away")
            run_deliver(app.parts(), stories.CHANGE)
            assert [one.account for one in app.inboxes.listed("A2")] == ["A2"]
            assert app.inboxes.listed("A1") == []
            assert len(app.worklist.listed()) == 1
            assert {name: found for name, found in app.verify().items() if found} == {}
