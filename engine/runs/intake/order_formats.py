"""The import file of what customers have ordered."""

from __future__ import annotations

from typing import Final

from engine.runs.intake.shapes import ENTITY, Column, Format, key_column

PURCHASE_ORDERS: Final = Format(
    "purchase_orders",
    "purchase order",
    "Purchase orders of customers: how long, for what and for how much they may be invoiced on each.",
    (
        ENTITY,
        key_column("account", "the customer who gets the invoice", "accounts"),
        Column(
            "number",
            "text",
            "the customer's number of it, which contracts name in their column purchase_order",
            required=True,
            high=100,
        ),
        Column("valid_from", "date", "first invoice date; empty: always was"),
        Column("valid_to", "date", "day after the last invoice date; empty: no end"),
        Column("amount", "decimal", "what may be invoiced on it before tax; empty: no limit", low=0, after=4),
        Column("currency", "currency", "currency of its invoices", required=True),
        Column(
            "charges",
            "text",
            "keys of the charges that it is for, separated by semicolons; empty: all",
            default="",
            high=1000,
        ),
        Column(
            "products", "text", "products that it is for, separated by semicolons; empty: all", default="", high=1000
        ),
        Column(
            "buyer_reference",
            "text",
            "what the customer wants on its invoices to find its way (BT-10)",
            default="",
            high=100,
        ),
    ),
    ("entity", "account", "number"),
    fixed=("currency", "buyer_reference"),
    correction="import another purchase order, with a number of its own",
)
