"""How something that concerns an account is booked on a day: its rate, its GL accounts, the rules of allocation."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from engine.ledger.fx import RateTable
from engine.ledger.posting import determine
from engine.model.account import Account
from engine.model.entity import LegalEntity
from engine.model.journal import Change, FxRate
from engine.model.settlement import AllocationFacts
from engine.runs.accounts.settlement_moves import ROLES, Booking
from engine.runs.run import Parts
from engine.store.reader import Reader


def keep(parts: Parts, change: Change) -> None:
    """Keep the release and its decisions before something rests on them."""
    rules = parts.rules
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        writer.store_release(parts.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
        writer.store_decisions(rules.decisions())


def rate_of(parts: Parts, reader: Reader, currency: str, functional: str, on: date) -> FxRate:
    """The rate of a day.

    Raises:
        TollbookError: ``fx.no-rate``.
    """
    rates = [] if currency == functional else reader.fx_rates(parts.tenant, on, parts.fx_max_age)
    return RateTable([rate for rate in rates if rate.source == parts.fx_source], on).rate(currency, functional)


def booking_of(
    parts: Parts,
    entity: LegalEntity,
    account: Account,
    kind: Any,
    amount: Decimal,
    rate: FxRate,
    on: date,
    reason: str = "",
) -> Booking:
    """The booking of money of an account.

    Raises:
        TollbookError: ``rule.no-answer`` of posting or allocation.
    """
    decide = parts.rules.decide
    accounts = determine(decide, entity.key, rate.base, on)
    booked = {str(role): accounts(role, account.country, "") for role in ROLES}
    decision = decide("allocation", AllocationFacts(entity, account, kind, rate.base, amount, reason, on), on)
    terms: dict[str, Any] = {name: list(decision.terms[name]) for name in ("to", "order", "priority")}
    terms["way"] = decision.terms["way"]
    return Booking(on, rate, account.country, booked, terms, decision.id)
