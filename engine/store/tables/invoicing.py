"""Invoices, their lines, the numbers of their series, and how far subscriptions are billed."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from engine.store.tables.base import (
    amount,
    big,
    day,
    digits,
    flag,
    ident,
    index,
    moment,
    quantity,
    rate,
    table,
    text,
    unique,
)

BILLING_MARK: Final = table(
    "billing_mark",
    big("subscription_id", key=True),
    day("billed_to"),
    big("events_seen"),
    big("usage_seen"),
    day("billed_on", null=True),
    moment("billed_at", null=True),
    clustered=True,
)

PAYER_MARK: Final = table(
    "payer_mark",
    big("subscription_id", key=True),
    day("billed_to"),
    big("events_seen"),
    big("usage_seen"),
    day("billed_on", null=True),
    moment("billed_at", null=True),
    text("payer", key=True),
    clustered=True,
)
"""As a billing mark: how far the days of a payer are billed whom events of a subscription name."""

INVOICE: Final = table(
    "invoice",
    ident(),
    text("tenant"),
    text("entity"),
    text("kind"),
    text("series"),
    big("sequence"),
    text("number"),
    text("payer"),
    big("payer_id"),
    text("currency"),
    day("invoice_date"),
    day("tax_point"),
    day("due_date"),
    text("purchase_order"),
    text("period"),
    text("group_key"),
    amount("net"),
    amount("tax"),
    amount("total"),
    text("functional_currency"),
    amount("functional_total"),
    rate("rate"),
    text("rate_source"),
    day("rate_on"),
    big("draft_decision"),
    big("numbering_decision"),
    big("run_id"),
    big("seller_id", null=True),
    unique("tenant", "entity", "payer", "period", "kind", "group_key"),
    unique("tenant", "entity", "series", "sequence"),
    unique("tenant", "entity", "number"),
    index("run_id"),
    index("tenant", "payer", "purchase_order", where="purchase_order <> ''"),
)


def charged() -> tuple[sa.Column[Any], ...]:
    """The columns of what a line charges: the fields of :class:`engine.model.invoice.RatedCharge`, in its order."""
    return (
        text("account"),
        big("account_id"),
        big("subscription_id"),
        text("subscription"),
        text("contract"),
        big("contract_line_id"),
        text("plan"),
        text("charge"),
        big("charge_id"),
        text("kind"),
        text("text"),
        text("product"),
        text("tax_code"),
        day("service_from"),
        day("service_to"),
        day("cycle_from"),
        day("cycle_to"),
        text("currency"),
        quantity("quantity"),
        digits("full"),
        text("share"),
        amount("amount"),
        big("decision"),
        big("proration"),
        big("credits"),
        big("usage_after"),
        big("usage_to"),
        big("events"),
        big("upon"),
        text("exact"),
        text("grouped"),
        text("discounts"),
        text("basis"),
        flag("tax_included"),
    )


INVOICE_LINE: Final = table(
    "invoice_line",
    ident(),
    big("invoice_id"),
    big("number"),
    text("tenant"),
    text("entity"),
    *charged(),
    # its tax
    rate("tax_rate"),
    amount("tax_amount"),
    text("tax_category"),
    text("tax_jurisdiction"),
    text("tax_source"),
    text("tax_reason"),
    big("tax_decision"),
    index("invoice_id"),
    index("subscription_id", "service_to"),
    index("credits", where="credits <> 0"),
)

SERIES: Final = table(
    "series",
    text("tenant", key=True),
    text("entity", key=True),
    text("series", key=True),
    big("next"),
    day("last_date", null=True),
    text("dates"),
    clustered=True,
)
"""``next`` is the number that the next document gets, ``last_date`` the date of the newest one; ``dates`` says whether they may decrease."""
