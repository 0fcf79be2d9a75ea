"""The adapter of SAP keeps the contract of its port, against a system that refuses as SAP does."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from engine.ports.contracts import ErpContract, Fault, Setup
from engine.ports.contracts.clauses import FAULTS
from engine.ports.contracts.fakes.sap import PASSWORD, S4, USER
from engine.ports.contracts.harness import ADAPTER, Stage, refused
from engine.ports.discovery import SHIPPED

pytestmark = pytest.mark.capability("A7.5")


def setup_of(service: S4, **settings: Any) -> Setup:
    """The adapter for a system."""
    plain = {"url": f"{service.url}/", "companies": {"E1": "1010"}, "wait": 20}
    return Setup(SHIPPED / "erp_sap", {**plain, **settings}, {"user": USER, "password": PASSWORD}, timeout=20)


class TestErpSap(ErpContract):
    faults = FAULTS
    service: S4

    @pytest.fixture(autouse=True)
    def _running(self, request: pytest.FixtureRequest) -> Iterator[None]:
        slow = any(word in request.node.name for word in ("slow", "late", "secret"))
        with S4().running() as self.service:
            made = setup_of(self.service)
            self.setup = Setup(made.plugin, made.settings, made.secrets, timeout=1 if slow else 20)
            yield

    def inject(self, fault: Fault) -> AbstractContextManager[Any]:
        return self.service.failing(fault)

    def acts(self, home: Path) -> Collection[Any]:
        return [*self.service.documents]

    def test_the_log_of_a_refusal_is_its_reason(self, tmp_path: Path) -> None:
        """HTTP 200, and nothing was posted; what is wrong with one document is no matter of the others."""
        made = self.made(tmp_path)
        self.service.accounts = {"1200", "4000"}
        bad = self.effect("b")
        bad.payload["lines"][1]["account"] = "4711"
        answers = self.told(made, self.effect("a"), bad)
        assert [answer.state for answer in answers] == ["accepted", "rejected"]
        assert "G/L account 4711 is not defined" in answers[1].reason
        self.service.closed = {(2026, 1)}
        (closed,) = self.told(made, self.effect("c"))
        assert (closed.state, "not open" in closed.reason) == ("rejected", True)

    def test_a_message_that_was_refused_needs_another_key(self, tmp_path: Path) -> None:
        """SAP takes each message once, whatever became of it."""
        made = self.made(tmp_path)
        self.service.closed = {(2026, 1)}
        self.told(made, self.effect("a"))
        self.service.closed = set()
        (again,) = self.told(made, self.effect("a"))
        assert (again.state, "posted nothing of it" in again.reason) == ("rejected", True)
        self.accepted(made, self.effect("a#1"))

    def test_posted_and_never_answered(self, tmp_path: Path) -> None:
        """The gateway gives up after SAP has posted: it is unknown, asked for, and there once."""
        made = self.made(tmp_path)
        self.service.once = ["after"]
        with refused() as seen:
            made.host.tell(ADAPTER, [self.effect("a")])
        assert getattr(seen[0], "kind", "") == "unknown"
        (asked,) = self.asked(made, self.effect("a"))
        assert (asked.state, asked.evidence) == (
            "accepted",
            {"document": "0100000000", "fiscal_year": "2026", "debit": "119.00"},
        )
        assert self.accepted(made, self.effect("a")) == [asked.evidence]
        assert len(self.service.documents) == 1

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"entity": "E9"}, "no company code of E9"),
            ({"document_type": "RV1"}, "more than two characters"),
            ({"total": "1.005"}, "no whole minor unit of EUR"),
            ({"copies": 500}, "1000 lines"),
        ],
    )
    def test_what_sap_could_not_take_is_not_sent(self, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
        made = self.made(tmp_path)
        (answer,) = self.told(made, self.effect("a", **changes))
        assert (answer.state, said in answer.reason) == ("rejected", True), answer.reason
        assert not self.service.seen


def test_accounts_and_debtors_have_their_names_there(tmp_path: Path) -> None:
    with S4().running() as service:
        contract = TestErpSap()
        contract.service = service
        contract.setup = setup_of(
            service, accounts={"4000": "0041000000"}, debtors={"1200": "17100001"}, system="TOLLBOOK"
        )
        made: Stage = contract.made(tmp_path)
        contract.accepted(made, contract.effect("a"))
        (document,) = service.documents.values()
        assert [(line["account"], line["side"], str(line["amount"])) for line in document["lines"]] == [
            ("0041000000", "H", "-119.00"),
            ("17100001", "S", "119.00"),
        ]
