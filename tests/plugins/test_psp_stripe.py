"""Stripe: the contract of its port, and what is its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.model.effect import Effect
from engine.ports.contracts import Fault, PspContract, Setup
from engine.ports.contracts.clauses import FAULTS
from engine.ports.contracts.fakes.stripe import KEY, SECRET, StripeFake
from engine.ports.contracts.harness import ADAPTER, Stage, refused, stage
from engine.ports.discovery import SHIPPED
from engine.ports.failure import AdapterFailed
from engine.ports.hookspecs.psp import EventRequest, PayoutRequest
from engine.ports.psp_answers import event_flaws, payout_flaws

pytestmark = pytest.mark.capability("A4.1")
CONFIRM = "https://pay.example.com/{payment_intent}"


def setup_of(service: StripeFake, **settings: Any) -> Setup:
    """The adapter for a service."""
    given = {"url": service.url, "wait": 20, "page": 2} | settings
    return Setup(SHIPPED / "psp_stripe", given, {"api_key": KEY, "signing_secret": SECRET}, timeout=20)


class TestStripe(PspContract):
    faults = FAULTS
    token = "pm_card_visa"
    declined = ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds")
    service: StripeFake

    @pytest.fixture(autouse=True)
    def _running(self, request: pytest.FixtureRequest) -> Iterator[None]:
        slow = any(word in request.node.name for word in ("slow", "late", "secret"))
        with StripeFake().running() as self.service:
            self.setup = msgspec.structs.replace(setup_of(self.service), timeout=1 if slow else 20)
            yield

    def inject(self, fault: Fault) -> AbstractContextManager[Any]:
        return self.service.failing("limit" if fault == "busy" else fault)

    def acts(self, home: Path) -> Collection[Any]:
        return [*self.service.acts]

    def message(self, good: bool) -> tuple[bytes, Mapping[str, str]]:
        (told,) = [one for one in self.service.events if one["type"] == "payment_intent.succeeded"]
        return self.service.signed(told, SECRET if good else "whsec_another")


@pytest.fixture
def service() -> Iterator[StripeFake]:
    with StripeFake().running() as made:
        yield made


@pytest.fixture
def made(service: StripeFake, tmp_path: Path) -> Stage:
    return stage(setup_of(service, confirmation_url=CONFIRM), "psp", tmp_path)


def charge(key: str, token: str = "pm_card_visa", kind: str = "card", **changes: Any) -> Effect:
    """A payment."""
    contract = TestStripe()
    effect = contract.effect(key, token, **changes)
    effect.payload["method"]["kind"] = kind
    return effect


def change(kind: str, ident: str, amount: str | None = None) -> Effect:
    payload = {"reference": "a", "entity": "acme-de", "provider_id": ident, "currency": "EUR", "amount": amount}
    return Effect(f"a/{kind}", "psp", f"payment-{kind}", payload)


def test_a_500_after_the_act_is_unknown_and_found_by_its_key(service: StripeFake, made: Stage) -> None:
    with service.failing("error-after"), refused() as seen:
        made.host.tell(ADAPTER, [charge("a")])
    assert isinstance(seen[0], AdapterFailed)
    assert seen[0].kind == "unknown"
    (found,) = made.host.status(ADAPTER, [charge("a")])
    assert (found.state, len(service.acts)) == ("accepted", 1)
    assert found.evidence["network_transaction"].startswith("ntx")


def test_a_limit_says_when_to_come_again(service: StripeFake, made: Stage) -> None:
    service.again_after = "7"
    with service.failing("too-many"), refused() as seen:
        made.host.tell(ADAPTER, [charge("a")])
    assert isinstance(seen[0], AdapterFailed)
    assert (seen[0].kind, seen[0].after) == ("transient", 7.0)


def test_a_customer_who_is_needed_gets_a_link(service: StripeFake, made: Stage, tmp_path: Path) -> None:
    """With a page of ours the payment waits for the customer; without one it is declined."""
    effect = charge("a", "pm_card_authenticationRequired")
    (answer,) = made.host.tell(ADAPTER, [effect])
    ident = answer.evidence["provider_id"]
    assert (answer.state, answer.evidence["state"]) == ("accepted", "requires_action")
    assert answer.evidence["link"] == f"https://pay.example.com/{ident}"
    service.decide(ident)
    (found,) = made.host.status(ADAPTER, [effect])
    assert (found.evidence["state"], found.evidence["amount"]) == ("succeeded", "119.00")
    bare = stage(setup_of(service), "psp", tmp_path)
    (answer,) = bare.host.tell(ADAPTER, [charge("b", "pm_card_authenticationRequired")])
    assert (answer.state, answer.evidence["code"]) == ("rejected", "authentication_required")


def test_what_is_reserved_is_captured_in_part_or_let_go(service: StripeFake, made: Stage) -> None:
    first, second = made.host.tell(ADAPTER, [charge("a", capture=False), charge("b", capture=False)])
    assert (first.evidence["state"], first.evidence["amount"]) == ("authorized", "119.00")
    (taken,) = made.host.tell(ADAPTER, [change("capture", first.evidence["provider_id"], "100.00")])
    assert (taken.evidence["state"], taken.evidence["amount"]) == ("succeeded", "100.00")
    let = change("cancel", second.evidence["provider_id"])
    for _ in range(2):
        (gone,) = made.host.tell(ADAPTER, [let])
        assert (gone.state, gone.evidence["state"]) == ("accepted", "canceled")
    (no,) = made.host.tell(ADAPTER, [change("cancel", first.evidence["provider_id"])])
    assert no.state == "rejected"


@pytest.mark.parametrize(
    ("amount", "currency", "units"), [("1200", "JPY", 1200), ("10.010", "KWD", 10010), ("12.34", "EUR", 1234)]
)
def test_amounts_are_those_of_the_currency(
    service: StripeFake, made: Stage, amount: str, currency: str, units: int
) -> None:
    (answer,) = made.host.tell(ADAPTER, [charge("a", amount=amount, currency=currency)])
    assert Decimal(answer.evidence["amount"]) == Decimal(amount)
    assert [one["amount"] for one in service.intents.values()] == [units]


def test_an_amount_that_stripe_cannot_take_is_rejected(made: Stage) -> None:
    (answer,) = made.host.tell(ADAPTER, [charge("a", amount="10.001", currency="KWD")])
    assert (answer.state, answer.evidence["code"]) == ("rejected", "invalid_amount")


def test_events_say_what_happened(service: StripeFake, made: Stage) -> None:
    """A debit that is decided later, a refund that comes back, a dispute with its deadline, a payout; and what nobody knows."""
    (debit,) = made.host.tell(ADAPTER, [charge("d", "pm_usBank", "ach_debit", currency="USD")])
    assert debit.evidence["state"] == "processing"
    service.decide(debit.evidence["provider_id"], "R01")
    (paid,) = made.host.tell(ADAPTER, [charge("p")])
    (back,) = made.host.tell(ADAPTER, [TestStripe().back("r", paid, "19.00")])
    service.fail_refund(back.evidence["provider_id"])
    service.dispute(paid.evidence["provider_id"])
    service.pay_out("eur")
    service.tell("customer.created", {"id": "cus_1"})
    asked = [EventRequest(one["id"], *_message(service, one)) for one in service.events]
    told = made.host.ask(ADAPTER, "psp_events", asked, event_flaws)
    found = [(one.events[0].kind, one.events[0].key, one.events[0].code) for one in told]
    assert found == [
        ("payment_processing", "d", ""),
        ("payment_failed", "d", "R01"),
        ("payment_succeeded", "p", ""),
        ("refund_succeeded", "r", ""),
        ("refund_failed", "r", "lost_or_stolen_card"),
        ("dispute_opened", "", ""),
        ("payout_paid", "", ""),
        ("other", "", ""),
    ]
    notice = told[5].events[0].dispute
    assert (notice.amount, notice.fee, notice.reason, notice.withdrawn) == (
        Decimal(119),
        Decimal(15),
        "fraudulent",
        True,
    )


def _message(service: StripeFake, event: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    body, headers = service.signed(event)
    return body, {name.lower(): value for name, value in headers.items()}


def test_an_old_signature_is_refused(service: StripeFake, made: Stage) -> None:
    body, headers = service.signed({"id": "evt"}, at=1_000_000_000)
    request = EventRequest("m", body, {"stripe-signature": headers["Stripe-Signature"]})
    (told,) = made.host.ask(ADAPTER, "psp_events", [request], event_flaws)
    assert "tolerance" in told.refused


def test_payouts_come_with_every_line(service: StripeFake, made: Stage) -> None:
    """Page by page; gross less fee is net, and the lines come to what is paid out."""
    (paid, *_) = made.host.tell(ADAPTER, [charge(key) for key in "abcde"])
    made.host.tell(ADAPTER, [TestStripe().back("r", paid, "19.00")])
    service.pay_out("eur")
    request = PayoutRequest("k", date(2026, 1, 31), date(2026, 2, 2))
    (told,) = made.host.ask(ADAPTER, "psp_payouts", [request], payout_flaws)
    (payout,) = told.payouts
    kinds = [line.kind for line in payout.lines]
    assert (kinds.count("payment"), kinds.count("refund"), payout.paid) == (5, 1, date(2026, 2, 1))
    assert payout.amount == 5 * Decimal("119.00") - 19 - sum(line.fee for line in payout.lines)
    assert payout.lines[0].provider_id == paid.evidence["provider_id"]
