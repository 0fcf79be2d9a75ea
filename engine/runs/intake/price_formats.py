"""Import files of what prices depend on beside rules: coupons, and values of indexes."""

from __future__ import annotations

from typing import Final

from engine.runs.intake.shapes import Column, Format, key_column

PRICED: Final = (
    Format(
        "coupons",
        "coupon",
        "What may be redeemed. Which charges it lowers, and in which order, rules of discounts decide.",
        (
            key_column("key", "identifies the coupon"),
            Column("name", "text", "text on invoices", required=True),
            Column("percent", "decimal", "percentage that it takes off, as 20", default="0", low=0, high=100, after=6),
            Column("amount", "decimal", "money that it takes off in each cycle", default="0", low=0, after=4),
            Column("currency", "currency", "currency of the money"),
            Column("cycles", "integer", "for how many cycles; 0: for good", default="0", low=0, high=1200),
            Column("valid_from", "date", "first day on which it may be redeemed; empty: always"),
            Column("valid_to", "date", "day after the last; empty: no end"),
            Column(
                "charges", "text", "keys of the charges that it is for, with ';' between them; empty: all", default=""
            ),
            Column("products", "text", "products that it is for, with ';' between them; empty: all", default=""),
            Column("combinable", "boolean", "whether others apply beside it", default="true"),
            Column("most", "integer", "how often it may be redeemed; 0: any number", default="0", low=0),
        ),
        ("key",),
        appended=True,
        correction="import it under another key",
    ),
    Format(
        "index_values",
        "index value",
        "Published values of price indexes, month by month.",
        (
            key_column("index", "the index, as pricing rules name it"),
            Column("month", "date", "first day of the month that it is of", required=True),
            Column("value", "decimal", "its value", required=True, low=0, before=6, after=12),
        ),
        ("index", "month"),
        appended=True,
        correction="a revised series is another index: import it under another key",
    ),
)
