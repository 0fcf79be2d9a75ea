"""The desk of accruals: the run of a month, and what stands accrued."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import msgspec

from engine.base.period import add_months
from engine.model.journal import Change
from engine.runs.accruals.repeating import only_of
from engine.runs.accruals.run import Accrual, run_accrual
from engine.runs.run import PartsOn
from engine.store import accruals


class Standing(msgspec.Struct, frozen=True):
    """What stands accrued of one charge of a subscription."""

    entity: str
    payer: str
    account: str
    subscription: str
    plan: str
    charge: str
    product: str
    role: str
    service_from: date
    service_to: date
    currency: str
    amount: Decimal
    functional_currency: str
    functional_amount: Decimal


class AccrualDesk:
    """What people ask of accruals."""

    def __init__(self, parts: PartsOn) -> None:
        """``parts`` are made when they are needed."""
        self._parts = parts

    def accrue(self, month: date, change: Change, *, entity: str = "", dry_run: bool = False) -> Accrual:
        """Accrue a month, of one legal entity or of all; see :func:`engine.runs.accruals.run.run_accrual`.

        Raises:
            TollbookError: ``accrual.unknown-entity``, and those of the run.
        """
        last = add_months(month.replace(day=1), 1) - timedelta(days=1)
        parts = self._parts(on=last)
        with parts.books.reader() as reader:
            only_of(reader, parts.tenant, entity)
        return run_accrual(parts, month, change, entity=entity, dry_run=dry_run)

    def standing(self, entity: str = "", through: date | None = None) -> list[Standing]:
        """What stands accrued at the end of the month that holds the day ``through`` (by default of the last one), in order of key."""
        parts = self._parts()
        month = through.replace(day=1) if through else None
        with parts.books.reader() as reader:
            found = accruals.held(reader, parts.tenant, entity, month)
        return [
            Standing(
                *(key.entity, key.payer, key.account, key.subscription, key.plan, key.charge, key.product, key.role),
                *(key.service_from, one.service_to, key.currency, one.amount, one.rate.quote, one.functional),
            )
            for key, one in sorted(found.items())
        ]
