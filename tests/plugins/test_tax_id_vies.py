"""VIES: the contract over HTTP, what is sent, and what its errors mean."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.ports.contracts import Fault, Setup, TaxIdContract
from engine.ports.contracts.clauses import FAULTS
from engine.ports.contracts.fakes.vies import Vies
from engine.ports.contracts.harness import ADAPTER, Stage, refused, stage
from engine.ports.discovery import SHIPPED
from engine.ports.hookspecs.tax_id import TaxIdRequest
from engine.ports.tax_id_answers import tax_id_flaws


@pytest.mark.capability("A5.5")
class TestVies(TaxIdContract):
    faults = FAULTS

    @pytest.fixture(autouse=True)
    def _register(self, tmp_path: Path) -> Iterator[None]:
        with Vies().running() as self.vies:
            self.setup = Setup(SHIPPED / "tax_id_vies", {"url": self.vies.url}, timeout=1)
            self.vies.known = {"DE136695976"}
            yield

    def known(self, home: Path, numbers: Collection[str]) -> None:
        self.vies.known = set(numbers)

    def inject(self, fault: Fault) -> Any:
        return self.vies.failing(fault)


@pytest.fixture
def vies() -> Iterator[Vies]:
    """The exchange, which knows two numbers."""
    with Vies().running() as made:
        made.known = {"DE136695976", "EL094259216"}
        yield made


@pytest.fixture
def made(tmp_path: Path, vies: Vies) -> Stage:
    """The adapter."""
    return stage(Setup(SHIPPED / "tax_id_vies", {"url": vies.url}, timeout=2), "tax_id", tmp_path)


@pytest.mark.parametrize(
    ("tax_id", "country", "sent", "valid"),
    [
        ("DE 136.695.976", "DE", ("DE", "136695976"), True),
        ("136695976", "DE", ("DE", "136695976"), True),
        ("EL094259216", "GR", ("EL", "094259216"), True),
        ("GR094259216", "GR", ("EL", "094259216"), True),
        ("DE136695976", "US", ("DE", "136695976"), True),
        ("XI123456789", "GB", ("XI", "123456789"), False),
    ],
)
def test_numbers_are_sent_as_the_member_state_writes_them(
    made: Stage, vies: Vies, tax_id: str, country: str, sent: tuple[str, str], valid: bool
) -> None:
    (answer,) = made.host.ask(
        ADAPTER, "registration_check", [TaxIdRequest("k", tax_id, country, "NL001234567B01")], tax_id_flaws
    )
    body = vies.asked[-1]
    assert (body["countryCode"], body["vatNumber"], answer.valid) == (*sent, valid)
    assert (body["requesterMemberStateCode"], body["requesterNumber"]) == ("NL", "001234567B01")
    assert answer.reference.startswith("WAPI") and f"{answer.checked_on}" == "2026-01-02"


def test_a_seller_outside_the_union_gets_answers_without_a_request_id(made: Stage, vies: Vies) -> None:
    (answer,) = made.host.ask(
        ADAPTER, "registration_check", [TaxIdRequest("k", "DE136695976", "DE", "CHE-123.456.789")], tax_id_flaws
    )
    assert answer.reference == "" and "requesterNumber" not in vies.asked[-1]


def test_a_member_state_that_is_closed_leaves_its_numbers_open(made: Stage, vies: Vies) -> None:
    vies.closed = {"EL"}
    with refused() as seen:
        made.host.ask(
            ADAPTER,
            "registration_check",
            [TaxIdRequest("g", "EL094259216", "GR"), TaxIdRequest("d", "DE136695976", "DE")],
            tax_id_flaws,
        )
    (error,) = seen
    assert "the register of GR does not answer: MS_UNAVAILABLE" in str(error)
    assert [one.key for one in error.answered] == ["d"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [("SERVICE_UNAVAILABLE", "transient"), ("IP_BLOCKED", "permanent"), ("INVALID_REQUESTER_INFO", "permanent")],
)
def test_an_error_of_all_fails_the_call(made: Stage, vies: Vies, wrong: str, kind: str) -> None:
    vies.wrong = wrong
    with refused() as seen:
        made.host.ask(ADAPTER, "registration_check", [TaxIdRequest("d", "DE136695976", "DE")], tax_id_flaws)
    (error,) = seen
    assert error.kind == kind and wrong in str(error)  # type: ignore[attr-defined]
