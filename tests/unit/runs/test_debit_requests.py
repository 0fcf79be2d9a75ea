"""What a provider is told of a collection."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from engine.model.direct_debit import DebitStep, DirectDebit, SepaMandate
from engine.runs.debits.asking import class_of, request_of

DAY, DUE = date(2026, 2, 27), date(2026, 3, 3)
MANDATE = SepaMandate(
    *(8, "t", "E1", "M-1", "A1", "B2B", "recurrent", "One", "NL91ABNA0417164300", "", "", date(2025, 1, 31))
)
BEFORE = msgspec.structs.replace(MANDATE, id=7, iban="DE89370400440532013000")
DEBIT = DirectDebit(
    *(3, "t", "E1", "A1", "DD-1-1", "M-1", 5, "INV-1", 1, "EUR", Decimal("12.00"), DUE, DAY, "invoice", 0, 0, "sent", 2)
)
STEP = DebitStep(4, 3, 2, "sent", DAY, Decimal("10.00"), DUE, 8, "RCUR", "t/E1/DD-1-1", "bank")


def test_it_is_that_of_the_step() -> None:
    made = request_of(DEBIT, STEP, {8: MANDATE})
    assert (made.reference, made.amount, made.day, made.items[0].amount) == ("DD-1-1", STEP.amount, DUE, STEP.amount)
    mandate = made.method.mandate
    assert mandate is not None and (mandate.scheme, mandate.sequence, mandate.amended) == ("b2b", "RCUR", {})
    assert (made.method.token, made.method.country, made.method.provider) == ("", "NL", "bank")


@pytest.mark.parametrize(
    ("evidence", "changes", "amended"),
    [
        ("mandate#7", {}, {"iban": BEFORE.iban}),
        ("mandate#8", {}, {}),
        ("mandate OLD-1", {"replaces": "OLD-1"}, {"reference": "OLD-1"}),
    ],
)
def test_an_amendment_is_told_once(evidence: str, changes: dict[str, str], amended: dict[str, str]) -> None:
    mandates = {7: BEFORE, 8: msgspec.structs.replace(MANDATE, **changes)}
    made = request_of(DEBIT, msgspec.structs.replace(STEP, evidence=evidence), mandates)
    assert made.method.mandate is not None and made.method.mandate.amended == amended


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("retry: reject AM04, no money", "retry"),
        ("dispute: refund MD06", "dispute"),
        ("no idea", "technical"),
        ("", "technical"),
    ],
)
def test_the_class_of_a_reason(reason: str, kind: str) -> None:
    assert class_of(reason) == kind
