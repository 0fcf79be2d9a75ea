"""Small matchings by hand: documents, bank entries, the default rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from engine.families import ALL
from engine.model.matching import Candidate, Incoming, Match, Party
from engine.receivables.matching.matching import match
from engine.rulebook.rulebook import RuleBook, compile_book

RULES = Path(__file__).parents[2] / "rules"
ACME = Party("ACME", "Acme Corporation 777", "EUR", ("DE1",))
OTHER = Party("OTHER", "Linden Papier Ltd", "EUR", ("DE2",))
CHILD = Party("CHILD", "Boreal Bau GmbH", "EUR", (), "ACME")
TWIN = Party("TWIN", "Acme Corporation 777 Holding", "EUR")
PARTIES = (ACME, OTHER, CHILD, TWIN)
RATES = {"EURGBP": Decimal("0.8570"), "GBPEUR": Decimal("1.1669")}


@cache
def rules() -> RuleBook:
    """The default rules."""
    path = RULES / "matching" / "default.yaml"
    return compile_book({"rules/matching/default.yaml": path.read_bytes()}, {"matching": ALL["matching"]})


def invoice(number: str, amount: str, account: str = "ACME", **more: Any) -> Candidate:
    """An open document of the first of January, an invoice unless the amount is below zero."""
    kind: Any = "invoice" if Decimal(amount) >= 0 else "credit_note"
    usual = {"issued": date(2026, 1, 1), "due": date(2026, 1, 31), "currency": "EUR", "open": Decimal(amount)}
    return Candidate(id=number, number=number, kind=kind, account=account, amount=Decimal(amount), **{**usual, **more})


def money(id: str, amount: str, text: str = "", day: int = 20, payer: Party | None = ACME, **more: Any) -> Incoming:
    """A bank entry of January, by default from the bank account of a party."""
    bank = payer.bank_accounts[0] if payer and payer.bank_accounts else ""
    usual = {
        "bank_ref": f"B{id}",
        "currency": "EUR",
        "payer_name": payer.name if payer else "Yara Baum",
        "payer_account": bank,
    }
    return Incoming(
        id=id,
        booked=date(2026, 1, day),
        amount=Decimal(amount),
        remittance=text,
        **{**usual, **more},
    )


def matched(candidates: Iterable[Candidate], *payments: Incoming) -> Mapping[str, Match]:
    """The matches by payment."""
    return {one.payment: one for one in match(payments, candidates, PARTIES, RATES, rules().decide)}


def shown(one: Match) -> tuple[Any, ...]:
    """Status and what is paid: ``("auto", ("INV-1", "50.00"))``."""
    return (one.status, *((each.candidate, f"{each.amount:f}") for each in one.applications))
