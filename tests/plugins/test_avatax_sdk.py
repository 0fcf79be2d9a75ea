"""The fake of AvaTax serves the vendor's own client: what it takes and gives is what the client knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.ports.contracts.fakes.avatax import ACCOUNT, COMPANY, LICENSE_KEY, AvaTax
from engine.ports.contracts.harness import stage
from tests.plugins import test_tax_avalara as adapter

avalara = pytest.importorskip("avalara", reason="the vendor's client is a tool of development")

MODEL: dict[str, Any] = {
    "addresses": {
        "SingleLocation": {
            "line1": "350 5th Avenue",
            "city": "New York",
            "region": "NY",
            "country": "US",
            "postalCode": "10001",
        }
    },
    "commit": False,
    "companyCode": COMPANY,
    "currencyCode": "USD",
    "customerCode": "ABC",
    "date": "2026-01-31",
    "code": "SDK-1",
    "lines": [{"number": "1", "amount": 100, "quantity": 1, "itemCode": "Y0001", "taxCode": "PS081282"}],
    "type": "SalesInvoice",
}

RETURN = {"documentType": "ReturnInvoice"}


@pytest.fixture(scope="module")
def service() -> Iterator[AvaTax]:
    with AvaTax().running() as made:
        yield made


def client(service: AvaTax, key: str = LICENSE_KEY) -> Any:
    made = avalara.AvataxClient("test", "1.0", "machine", service.url, timeout_limit=20)
    return made.add_credentials(ACCOUNT, key)


def test_the_client_is_known_by_its_licence_key(service: AvaTax) -> None:
    assert client(service).ping().json()["authenticated"] is True
    assert client(service, "wrong").ping().json()["authenticated"] is False
    refused = client(service, "wrong").create_transaction(MODEL)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "AuthenticationException")


def test_a_document_lives_its_life(service: AvaTax) -> None:
    sdk = client(service)
    estimate = sdk.create_transaction({**MODEL, "type": "SalesOrder"}, {"$include": "Lines"})
    assert [line["taxableAmount"] for line in estimate.json()["lines"]] == [100]
    assert (estimate.status_code, estimate.json()["totalTax"], estimate.json()["status"]) == (201, 8.88, "Temporary")
    assert sdk.get_transaction_by_code(COMPANY, "SDK-1").status_code == 404
    assert sdk.create_transaction(MODEL).json()["status"] == "Saved"
    assert (
        sdk.create_transaction({**MODEL, "lines": [{**MODEL["lines"][0], "amount": 200}]}).json()["totalTax"] == 17.75
    )
    assert sdk.commit_transaction(COMPANY, "SDK-1", {"commit": True}).json()["status"] == "Committed"
    again = sdk.create_transaction(MODEL)
    assert (again.status_code, again.json()["error"]["code"]) == (400, "DocStatusError")
    adjusted = sdk.create_or_adjust_transaction(
        {"adjustmentReason": "PriceAdjusted", "createTransactionModel": {**MODEL, "commit": True}}
    )
    assert (adjusted.status_code, adjusted.json()["totalTax"]) == (201, 8.88)
    refund = sdk.refund_transaction(
        COMPANY, "SDK-1", {"refundTransactionCode": "SDK-2", "refundDate": "2026-02-28", "refundType": "Full"}
    )
    assert (refund.json()["type"], refund.json()["totalTax"]) == ("ReturnInvoice", -8.88)
    assert sdk.lock_transaction(COMPANY, "SDK-2", {"isLocked": True}, RETURN).json()["locked"] is True
    assert sdk.void_transaction(COMPANY, "SDK-2", {"code": "DocVoided"}, RETURN).status_code == 400
    assert sdk.get_transaction_by_code(COMPANY, "SDK-2").status_code == 404
    assert sdk.void_transaction(COMPANY, "SDK-1", {"code": "DocVoided"}).json()["status"] == "Cancelled"
    listed = sdk.list_transactions_by_company(COMPANY).json()
    assert {one["code"] for one in listed["value"]} == {"SDK-1", "SDK-2"}


def test_what_is_wrong_with_a_request_is_said(service: AvaTax) -> None:
    sdk = client(service)
    for changes, code in (
        ({"customerCode": ""}, "ValueRequiredError"),
        ({"code": "x" * 51}, "StringLengthError"),
        ({"companyCode": "NOBODY"}, "CompanyNotFoundError"),
        ({"addresses": {"SingleLocation": {"country": "XX"}}}, "JurisdictionNotFoundError"),
    ):
        answer = sdk.create_transaction({**MODEL, **changes})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_an_address_is_resolved(service: AvaTax) -> None:
    place = MODEL["addresses"]["SingleLocation"]
    found = client(service).resolve_address_post(place).json()
    assert found["validatedAddresses"][0]["line1"] == "350 5TH AVENUE"
    assert "validatedAddresses" not in client(service).resolve_address(place | {"line1": ""}).json()


def test_the_client_reads_what_the_adapter_has_recorded(tmp_path: Path, service: AvaTax) -> None:
    contract = adapter.TestAvalaraDocuments()
    made = stage(adapter.setup_of(service), "tax", tmp_path)
    contract.accepted(made, contract.effect("DE/1 ü"))
    found = client(service).get_transaction_by_code(COMPANY, "DE_-ava2f-_1%20%C3%BC").json()
    assert (found["code"], found["totalAmount"], found["totalTax"], found["status"]) == ("DE/1 ü", 100, 19, "Committed")
