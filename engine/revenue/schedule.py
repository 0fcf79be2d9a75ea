"""When an invoiced amount is earned: the methods of the revrec family.

Invoices credit contract balances; only the items of a schedule credit revenue.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta


class RevenueFacts(msgspec.Struct, frozen=True, gc=False):
    """What a revenue rule may look at: one invoice line."""

    entity: Annotated[str, Meta(description="key of the selling legal entity")]
    product: Annotated[str, Meta(description="product of the charge")]
    kind: Annotated[str, Meta(description="recurring, usage or one_time")]
    service_from: Annotated[date, Meta(description="first day of the service period; selects the rule in force")]
    service_to: Annotated[date, Meta(description="day after the last day of the service period")]
    invoice_date: Annotated[date, Meta(description="date of the invoice")]
    amount: Annotated[Decimal, Meta(description="net amount in transaction currency, credits negative")]


class ScheduleItem(msgspec.Struct, frozen=True, gc=False):
    """An amount that becomes revenue on a day."""

    on: date
    amount: Decimal


def now(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """All of it on the invoice date (point in time: IFRS 15.38, ASC 606-10-25-30)."""
    return (ScheduleItem(facts.invoice_date, facts.amount),)
