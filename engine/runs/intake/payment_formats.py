"""Import files of payments: what customers pay with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, get_args

from engine.base.errors import Code
from engine.model.payment import MethodKind
from engine.runs.intake.shapes import ENTITY, Column, Format, key_column

CARD_DATA = Code("intake.card-data", "A row of payment methods with what looks like the number of a card in it.")

PAYMENT_METHODS: Final = Format(
    "payment_methods",
    "payment method",
    "What customers pay with, as their providers keep it. Never numbers of cards: a row with one is refused.",
    (
        ENTITY,
        key_column("account", "the customer", "accounts"),
        key_column("key", "identifies the method within the legal entity"),
        Column("kind", "choice", "what it is", required=True, choices=get_args(MethodKind)),
        key_column("provider", "adapter that keeps it; empty: any that can take it", required=False, default=""),
        Column("token", "text", "what the provider calls it, such as pm_1N4x", default=""),
        Column("customer", "text", "what the provider calls the customer, such as cus_9s6X", default=""),
        Column("currency", "text", "ISO 4217 currency that it pays in; empty: any", default="", high=3),
        Column(
            "country",
            "text",
            "ISO 3166-1 alpha-2 country of card or bank; empty: that of the account",
            default="",
            high=2,
        ),
        Column("brand", "text", "brand of the card, such as visa", default="", high=50),
        Column("last4", "text", "last four digits, for people", default="", high=4),
        Column("expires", "date", "last day on which a card is good; empty: none"),
        Column(
            "network_transaction",
            "text",
            "the network's reference of the payment in which the customer agreed to later ones without being there",
            default="",
        ),
        Column("rank", "integer", "which one is used first: the lowest", default="1", low=0, high=1000),
        Column("state", "choice", "closed methods are not used", default="active", choices=("active", "closed")),
    ),
    ("entity", "key"),
    fixed=("account",),
    correction="close it, and give the other account a method of its own",
)

REMITTANCES: Final = Format(
    "remittances",
    "remittance advice",
    "What customers tell apart from a payment that it is for, by mail or as EDI 820; matching reads it with the text of the payment.",
    (
        ENTITY,
        key_column("key", "identifies the advice, such as the number of the message"),
        Column(
            "end_to_end_id",
            "text",
            "end-to-end id of the payment, of EDI 820 its trace number (TRN); it, or bank_ref, is there",
            default="",
        ),
        Column("bank_ref", "text", "the bank's reference of the payment", default=""),
        Column(
            "text",
            "lines",
            "what it says, the numbers of the documents among it; at most 20,000 characters",
            required=True,
            high=20_000,
        ),
    ),
    ("entity", "key"),
    appended=True,
    correction="import the better one under a key of its own: matching reads all that belong to a payment",
)

_DIGITS: Final = re.compile(r"[0-9](?:[ -]?[0-9]){12,18}")
_FIELDS: Final = ("key", "token", "customer", "brand", "last4", "network_transaction")

Flaws = Iterator[tuple[Code, str, str, str]]


def method(values: dict[str, Any]) -> Flaws:
    """A method has no number of a card anywhere."""
    for name in _FIELDS:
        found = _DIGITS.search(values[name] or "")
        if found and name != "network_transaction" and _luhn(re.sub("[ -]", "", found[0])):
            why = "numbers of cards must not be stored; only the provider has them"
            mend = "import the token that the provider gives for the card"
            yield CARD_DATA, f"{name} looks like the number of a card", why, mend


def _luhn(digits: str) -> bool:
    """Whether the last digit is the check digit that numbers of cards have."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
