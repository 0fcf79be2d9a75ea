"""The adapter of Vertex O Series keeps the contracts that the one of AvaTax keeps."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.model.tax import Address
from engine.ports.contracts import Fault, Setup, TaxContract, TaxDocumentsContract
from engine.ports.contracts.clauses import FAULTS
from engine.ports.contracts.fakes.vertex import CLIENT_ID, CLIENT_SECRET, COMPANY, VertexSeries
from engine.ports.contracts.harness import ADAPTER, Stage, refused, stage
from engine.ports.discovery import SHIPPED
from engine.ports.failure import AdapterFailed
from tests.plugins import test_tax_avalara as sample

pytestmark = pytest.mark.capability("A1.6")


def setup_of(service: VertexSeries) -> Setup:
    """The adapter for a service."""
    settings = {"url": service.url, "token_url": f"{service.url}/oauth/token", "company": COMPANY, "wait": 20}
    secrets = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return Setup(SHIPPED / "tax_vertex", settings, secrets, timeout=5)


class OfVertex:
    """What both contracts have: the service, which is new for each test."""

    faults = FAULTS
    service: VertexSeries

    @pytest.fixture(autouse=True)
    def _running(self, request: pytest.FixtureRequest) -> Iterator[None]:
        slow = any(word in request.node.name for word in ("slow", "late", "secret"))
        with VertexSeries().running() as self.service:
            self.setup = msgspec.structs.replace(setup_of(self.service), timeout=1 if slow else 20)
            yield

    def inject(self, fault: Fault) -> AbstractContextManager[Any]:
        return self.service.failing(fault)


class TestVertex(OfVertex, TaxContract):
    pass


class TestVertexDocuments(OfVertex, TaxDocumentsContract):
    def acts(self, home: Path) -> Collection[Any]:
        return [*self.service.acts]

    def recorded(self, number: str) -> tuple[Decimal, Decimal]:
        found = self.service.documents[number]
        return found["subTotal"], found["totalTax"]


@pytest.fixture
def service() -> Iterator[VertexSeries]:
    with VertexSeries().running() as made:
        yield made


@pytest.fixture
def made(service: VertexSeries, tmp_path: Path) -> Stage:
    return stage(setup_of(service), "tax", tmp_path)


def test_a_tax_of_several_jurisdictions_comes_with_its_parts(made: Stage) -> None:
    (found,) = made.host.ask_tax(ADAPTER, [sample.request("1")])
    assert (found.rate, found.amount, found.jurisdiction) == (Decimal("0.08875"), Decimal("8.88"), "US-NY")
    assert [(one.jurisdiction, one.level, one.amount) for one in found.details] == [
        ("US-NY", "state", Decimal("4.00")),
        ("US-NY/NEW YORK CITY", "city", Decimal("4.50")),
        ("US-NY/MCTD", "special", Decimal("0.38")),
    ]


@pytest.mark.parametrize(
    ("fields", "category"),
    [
        ({"exempt": True, "certificate": "NY-123"}, "E"),
        ({"tax_code": "NT"}, "O"),
        (
            {
                "country": "FR",
                "region": None,
                "ship_from": Address("DE"),
                "ship_to": Address("FR"),
                "buyer_tax_id": "X",
            },
            "AE",
        ),
    ],
)
def test_why_there_is_no_tax_is_said(made: Stage, fields: dict[str, Any], category: str) -> None:
    (found,) = made.host.ask_tax(ADAPTER, [sample.request("1", **fields)])
    assert (found.amount, found.category, bool(found.reason)) == (Decimal(0), category, True)


def test_one_token_serves_until_it_is_refused(made: Stage, service: VertexSeries) -> None:
    for _ in range(3):
        made.host.ask_tax(ADAPTER, [sample.request("1")])
    assert service.seen.count("POST /oauth/token") == 1
    service.tokens.clear()
    with refused():
        made.host.ask_tax(ADAPTER, [sample.request("1")])
    made.host.ask_tax(ADAPTER, [sample.request("1")])
    assert service.seen.count("POST /oauth/token") == 2


def test_without_a_token_nothing_is_done(made: Stage, service: VertexSeries) -> None:
    service.spared = ()
    for fault, kind in (("broken-off", "transient"), ("busy", "transient"), ("denied", "permanent")):
        with service.failing(fault), refused() as seen:
            made.host.ask_tax(ADAPTER, [sample.request("1")])
        assert isinstance(seen[0], AdapterFailed)
        assert seen[0].kind == kind
    assert set(service.seen) == {"POST /oauth/token"}


def test_another_currency_is_no_answer(made: Stage, service: VertexSeries) -> None:
    service.currency = "CAD"
    with refused() as seen:
        made.host.ask_tax(ADAPTER, [sample.request("1")])
    assert isinstance(seen[0], AdapterFailed)
    assert (seen[0].kind, "answered in CAD, asked in USD" in str(seen[0])) == ("permanent", True)


def test_it_says_that_it_cannot_list(made: Stage) -> None:
    assert [made.host.has(ADAPTER, hook) for hook in ("tax_commit", "tax_documents", "tax_status")] == [
        True,
        False,
        False,
    ]
