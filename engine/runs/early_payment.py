"""The discount for paying early that invoices grant, by the decisions of invoicing that they were drafted by."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from engine.store.reader import Reader


class EarlyPayment(msgspec.Struct, frozen=True):
    """What a payer may take off: ``discount`` is a share of what is open (0.02), ``within`` days from the date of the invoice, the
    last one included."""

    discount: Decimal
    within: int


def granted(reader: Reader, decisions: Iterable[int]) -> dict[int, EarlyPayment]:
    """What some decisions grant; those that grant nothing are left out."""
    found = {}
    for ident, stored in reader.decisions(sorted(set(decisions) - {0})).items():
        early = stored["terms"].get("early_payment")
        if early and Decimal(early["discount"]):
            found[ident] = EarlyPayment(Decimal(early["discount"]), int(early["within"]))
    return found
