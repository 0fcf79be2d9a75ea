"""The adapter of AvaTax against a fake that the vendor's own client accepts as well."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.model.tax import Address, TaxQuote, TaxRequest
from engine.ports.contracts import Fault, Setup, TaxContract, TaxDocumentsContract
from engine.ports.contracts.clauses import FAULTS
from engine.ports.contracts.fakes.avatax import ACCOUNT, COMPANY, LICENSE_KEY, AvaTax
from engine.ports.contracts.harness import ADAPTER, Stage, refused, stage
from engine.ports.discovery import SHIPPED
from engine.ports.failure import AdapterFailed

pytestmark = pytest.mark.capability("A1.6")
NEW_YORK = Address("US", "NY", "New York", "10001", ("350 5th Avenue",))


def setup_of(service: AvaTax, **settings: Any) -> Setup:
    """The adapter for a service."""
    given = {"url": service.url, "company": COMPANY, "page": 2, "wait": 20} | settings
    return Setup(SHIPPED / "tax_avalara", given, {"account": ACCOUNT, "license_key": LICENSE_KEY}, timeout=5)


class OfAvaTax:
    """What both contracts have: the service, which is new for each test."""

    faults = FAULTS
    service: AvaTax

    @pytest.fixture(autouse=True)
    def _running(self, request: pytest.FixtureRequest) -> Iterator[None]:
        slow = "slow" in request.node.name or "late" in request.node.name or "secret" in request.node.name
        with AvaTax().running() as self.service:
            self.setup = msgspec.structs.replace(setup_of(self.service), timeout=1 if slow else 20)
            yield

    def inject(self, fault: Fault) -> AbstractContextManager[Any]:
        return self.service.failing(fault)


class TestAvalara(OfAvaTax, TaxContract):
    pass


class TestAvalaraDocuments(OfAvaTax, TaxDocumentsContract):
    def acts(self, home: Path) -> Collection[Any]:
        return [*self.service.acts]

    def recorded(self, number: str) -> tuple[Decimal, Decimal]:
        found = self.service.documents[number]
        assert found["status"] == "Committed"
        return found["totalAmount"], found["totalTax"]


@pytest.fixture
def service() -> Iterator[AvaTax]:
    with AvaTax().running() as made:
        yield made


@pytest.fixture
def made(service: AvaTax, tmp_path: Path) -> Stage:
    return stage(setup_of(service), "tax", tmp_path, retries=1)


def request(key: str, **fields: Any) -> TaxRequest:
    """A line to a buyer in New York."""
    first = TaxRequest(
        key=key,
        tenant="main",
        entity="acme-us",
        seller_country="US",
        seller_registered_in=("US",),
        account="A-1",
        country="US",
        region="NY",
        buyer_tax_id=None,
        exempt=False,
        tax_code="standard",
        tax_point=date(2026, 1, 31),
        currency="USD",
        amount=Decimal("100.00"),
        document="0.0",
        ship_from=Address("US", "CA"),
        ship_to=NEW_YORK,
    )
    return msgspec.structs.replace(first, **fields)


def quote(made: Stage, **fields: Any) -> TaxQuote:
    """The quote for one line."""
    return made.host.ask_tax(ADAPTER, [request("1", **fields)])[0]


def test_a_tax_of_several_jurisdictions_comes_with_its_parts(made: Stage) -> None:
    found = quote(made)
    assert (found.rate, found.amount, found.category, found.jurisdiction) == (
        Decimal("0.08875"),
        Decimal("8.88"),
        "S",
        "US-NY",
    )
    assert [(d.jurisdiction, d.level, d.rate, d.amount) for d in found.details] == [
        ("US-NY", "state", Decimal("0.04"), Decimal("4.00")),
        ("US-NY/NEW YORK CITY", "city", Decimal("0.045"), Decimal("4.50")),
        ("US-NY/MCTD", "special", Decimal("0.00375"), Decimal("0.38")),
    ]
    assert quote(made, country="DE", region=None, ship_to=None, currency="EUR").details == ()


@pytest.mark.parametrize(
    ("fields", "category", "reason"),
    [
        ({"exempt": True, "exemption_reason": "Resale"}, "E", "Resale"),
        ({"exempt": True, "certificate": "NY-123"}, "E", "Exempt from tax"),
        ({"use_code": "A", "exempt": True}, "E", "Exempt from tax"),
        ({"exempt": True, "amount": Decimal("0.00")}, "E", "Exempt from tax"),
        ({"region": "OR", "ship_to": Address("US", "OR")}, "O", "Not subject to tax"),
        ({"tax_code": "NT"}, "O", "Not subject to tax"),
        (
            {
                "country": "FR",
                "region": None,
                "ship_from": Address("DE"),
                "ship_to": Address("FR"),
                "buyer_tax_id": "FR12345678901",
                "currency": "EUR",
            },
            "AE",
            "Reverse charge: the recipient accounts for the tax",
        ),
    ],
)
def test_why_there_is_no_tax_is_said(made: Stage, fields: dict[str, Any], category: str, reason: str) -> None:
    found = quote(made, **fields)
    assert (found.rate, found.amount, found.category, found.reason) == (Decimal(0), Decimal(0), category, reason)


def test_what_is_known_of_the_buyer_is_sent(service: AvaTax, tmp_path: Path) -> None:
    sent: list[Any] = []
    answer = service.answer
    service.answer = lambda asked: sent.append(asked.body) or answer(asked)  # type: ignore[method-assign]
    service.companies.add("ACMEUS")
    adapter = stage(
        setup_of(service, companies={"acme-us": "ACMEUS"}, tax_codes={"standard": "P0000000"}), "tax", tmp_path
    )
    quote(adapter, use_code="G", certificate="X-1", exempt=True, buyer_tax_id="12-345", account="Ünï " * 20)
    (body,) = sent
    assert (body["companyCode"], body["entityUseCode"], body["exemptionNo"]) == ("ACMEUS", "G", "X-1")
    assert (body["type"], body["commit"], body["businessIdentificationNo"]) == ("SalesOrder", False, "12-345")
    assert body["addresses"]["shipTo"] == {
        "line1": "350 5th Avenue",
        "city": "New York",
        "region": "NY",
        "postalCode": "10001",
        "country": "US",
    }
    assert body["lines"][0]["taxCode"] == "P0000000"
    assert "@" not in body["customerCode"] and len(body["customerCode"]) == 32
    assert {one["X-Avalara-Client"].split(";")[0] for one in service.headers} == {"Tollbook"}


def test_lines_of_one_invoice_are_one_estimate(made: Stage, service: AvaTax) -> None:
    lines = [request(f"{n}", document=f"0.{n % 3}", amount=Decimal(n)) for n in range(9)]
    assert len(made.host.ask_tax(ADAPTER, lines)) == 9
    assert service.seen == ["POST /api/v2/transactions/create"] * 3
    service.seen.clear()
    made.host.ask_tax(ADAPTER, [request("a"), request("b", currency="EUR"), request("c", exempt=True)])
    assert len(service.seen) == 3


def test_a_refused_estimate_leaves_the_others_alone(made: Stage) -> None:
    nowhere = request("b", document="0.1", country="XX", region=None, ship_to=Address("XX"))
    with refused() as seen:
        made.host.ask_tax(ADAPTER, [request("a"), nowhere, request("c", document="0.2")])
    (error,) = seen
    assert isinstance(error, AdapterFailed)
    assert [one.key for one in error.answered] == ["a", "c"]
    assert "JurisdictionNotFoundError: Unable to determine the taxing jurisdictions.; XX  is no" in str(error)


def test_another_currency_is_no_answer(made: Stage, service: AvaTax) -> None:
    service.currency = "CAD"
    with refused() as seen:
        quote(made)
    assert isinstance(seen[0], AdapterFailed)
    assert (seen[0].kind, "answered in CAD what was asked in USD" in str(seen[0])) == ("permanent", True)


def test_a_limit_is_kept_as_long_as_it_says(made: Stage, service: AvaTax) -> None:
    for after, calls, pauses in (("3", 2, [3.0]), ("0", 2, [0.5]), ("60", 1, [])):
        service.again_after = after
        service.seen.clear()
        made.clock.pauses.clear()
        with service.failing("limit"), refused() as seen:
            quote(made)
        assert isinstance(seen[0], AdapterFailed)
        assert (seen[0].kind, seen[0].after) == ("transient", float(after))
        assert (len(service.seen), made.clock.pauses) == (calls, pauses)


def test_a_rate_that_moved_since_the_invoice_is_not_recorded(service: AvaTax, tmp_path: Path) -> None:
    contract = TestAvalaraDocuments()
    adapter = stage(setup_of(service), "tax", tmp_path)
    service.cent = Decimal("0.01")
    contract.accepted(adapter, contract.effect("N-1"))
    assert service.documents["N-1"]["totalTax"] == Decimal("19.00")
    assert service.seen[-2:] == ["POST /api/v2/transactions/create", "POST /api/v2/transactions/createoradjust"]


def test_a_refund_that_is_only_saved_is_committed(service: AvaTax, tmp_path: Path) -> None:
    contract = TestAvalaraDocuments()
    adapter = stage(setup_of(service), "tax", tmp_path)
    service.saves = True
    contract.accepted(adapter, contract.effect("N-1"), contract.credit("C-1", "N-1", whole=True))
    assert service.documents["C-1"]["status"] == "Committed"
    assert service.seen[-2:] == [
        f"POST /api/v2/companies/{COMPANY}/transactions/N-1/refund",
        f"POST /api/v2/companies/{COMPANY}/transactions/C-1/commit",
    ]


def test_a_reported_document_is_neither_voided_nor_replaced(service: AvaTax, tmp_path: Path) -> None:
    contract = TestAvalaraDocuments()
    adapter = stage(setup_of(service), "tax", tmp_path)
    contract.accepted(adapter, contract.effect("N-1"))
    service.documents["N-1"]["locked"] = True
    contract.rejected(adapter, contract.void("N-1"))
    assert service.documents["N-1"]["status"] == "Committed"


def test_documents_told_before_a_failure_keep_their_answers(service: AvaTax, tmp_path: Path) -> None:
    contract = TestAvalaraDocuments()
    adapter = stage(setup_of(service), "tax", tmp_path)
    answer = service.answer

    def until(asked: Any) -> Any:
        service.fault = "busy" if len(service.acts) == 1 else ""
        return answer(asked)

    service.answer = until  # type: ignore[method-assign]
    answers = contract.told(adapter, *(contract.effect(f"N-{n}") for n in range(4)))
    service.fault = ""
    assert [one.state for one in answers] == ["accepted", "accepted", "retry", "retry"]


WRONG = {
    "takes any document for its own": (
        "recording.py",
        "if found.referenceCode != mark:",
        "if not found:",
        "a_number_that_another_key_has_is_rejected",
    ),
    "lets the provider decide the tax": (
        "plugin.py",
        "if (found.totalAmount, found.totalTax) != (document.net, document.tax):",
        "if not found:",
        "every_document_is_recorded_with_its_own_tax",
    ),
    "records what is only asked about": (
        "wire.py",
        'ESTIMATE: Final = "SalesOrder"',
        'ESTIMATE: Final = "SalesInvoice"',
        "a_quote_records_nothing",
    ),
    "forgets that credit notes are of another type": (
        "plugin.py",
        'query={"documentType": kind}',
        "query={}",
        "what_became_of_a_key_can_be_asked",
    ),
    "shows one page only": ("plugin.py", "if page.next and documents", "if not documents", "the_provider_says_which"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_adapter_fails_its_clause(tmp_path: Path, service: AvaTax, wrong: str) -> None:
    file, old, new, clause = WRONG[wrong]
    plugin = tmp_path / "tax_avalara"
    shutil.copytree(SHIPPED / "tax_avalara", plugin, ignore=shutil.ignore_patterns("__pycache__"))
    source = (plugin / file).read_text()
    assert old in source
    (plugin / file).write_text(source.replace(old, new))
    contract = TestAvalaraDocuments()
    contract.service, contract.setup = service, msgspec.structs.replace(setup_of(service), plugin=plugin)
    (run,) = (getattr(contract, name) for name in dir(contract) if name.startswith(f"test_{clause}"))
    more = {"kind": "taxed otherwise than the provider would"} if "own_tax" in clause else {}
    with pytest.raises(AssertionError):
        run(tmp_path, **more)
