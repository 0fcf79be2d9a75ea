"""Who sells, who buys, what is sold, what was agreed, what was taken."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import (
    CURRENT,
    amount,
    big,
    day,
    document,
    flag,
    ident,
    index,
    moment,
    price,
    quantity,
    rate,
    table,
    text,
    unique,
)

PARTICULARS: Final = (
    "city",
    "postcode",
    "legal_id",
    "legal_scheme",
    "endpoint",
    "endpoint_scheme",
    "contact_name",
    "contact_phone",
    "contact_email",
)
"""What only documents need of a party; an empty text where it is not known."""
SELLER_PARTICULARS: Final = (*PARTICULARS, "region")
BUYER_PARTICULARS: Final = (*PARTICULARS, "reference")

ENTITY: Final = table(
    "entity",
    ident(),
    text("tenant"),
    text("key"),
    text("name"),
    text("country"),
    text("functional_currency"),
    text("zone"),
    text("address"),
    big("fiscal_year_start"),
    document("registrations"),
    document("bank_accounts"),
    flag("current"),
    *map(text, SELLER_PARTICULARS),
    unique("tenant", "key", where=CURRENT),
)

ACCOUNT: Final = table(
    "account",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    text("name"),
    text("country"),
    text("currency"),
    text("zone"),
    text("payer"),
    text("parent", null=True),
    text("region", null=True),
    text("segment"),
    text("language"),
    text("tax_id", null=True),
    flag("tax_exempt"),
    text("email", null=True),
    text("address"),
    flag("current"),
    *map(text, BUYER_PARTICULARS),
    unique("tenant", "entity", "key", where=CURRENT),
    index("tenant", "entity", "payer", where=CURRENT),
)

METER: Final = table(
    "meter",
    ident(),
    text("tenant"),
    text("key"),
    text("unit"),
    text("aggregation"),
    flag("current"),
    text("dimensions", null=True),
    text("others"),
    text("dimension", null=True),
    quantity("percentile", null=True),
    text("expression", null=True),
    text("filter", null=True),
    unique("tenant", "key", where=CURRENT),
)

PLAN: Final = table(
    "plan",
    ident(),
    text("tenant"),
    text("key"),
    text("name"),
    flag("current"),
    unique("tenant", "key", where=CURRENT),
)

CHARGE: Final = table(
    "charge",
    ident(),
    text("tenant"),
    text("plan"),
    text("key"),
    text("name"),
    text("kind"),
    text("timing"),
    big("months"),
    text("meter", null=True),
    text("unit"),
    text("product"),
    text("tax_code"),
    flag("current"),
    big("days"),
    text("cycles_from"),
    flag("zero_lines"),
    text("meters", null=True),
    text("filter", null=True),
    text("group_by", null=True),
    flag("group_lines"),
    text("starts_on"),
    flag("tax_included"),
    unique("tenant", "plan", "key", where=CURRENT),
)

CONTRACT: Final = table(
    "contract",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    text("account"),
    day("signed_on"),
    big("payment_days"),
    text("purchase_order", null=True),
    flag("current"),
    text("type"),
    unique("tenant", "entity", "key", where=CURRENT),
    index("tenant", "entity", "account", where=CURRENT),
)

CONTRACT_LINE: Final = table(
    "contract_line",
    ident(),
    text("tenant"),
    text("entity"),
    text("contract"),
    text("plan"),
    text("charge"),
    price("unit_price"),
    text("currency"),
    day("valid_from"),
    day("valid_to"),
    flag("current"),
    unique("tenant", "entity", "contract", "plan", "charge", "valid_from", where=CURRENT),
)

SUBSCRIPTION: Final = table(
    "subscription",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    text("account"),
    text("contract", null=True),
    big("anchor_day"),
    text("anchor_time", null=True),
    flag("anchor_slips"),
    unique("tenant", "entity", "key"),
    index("tenant", "entity", "account"),
)

SUBSCRIPTION_EVENT: Final = table(
    "subscription_event",
    ident(),
    text("tenant"),
    text("entity"),
    big("subscription_id"),
    text("key"),
    text("kind"),
    day("on_day"),
    text("plan", null=True),
    quantity("quantity", null=True),
    text("charge", null=True),
    amount("amount", null=True),
    big("anchor_day", null=True),
    moment("at", null=True),
    text("coupon", null=True),
    text("payer", null=True),
    unique("subscription_id", "key"),
    index("tenant", "coupon", where="coupon IS NOT NULL"),
    index("tenant", "entity", "payer", where="payer IS NOT NULL"),
)

FX_RATE: Final = table(
    "fx_rate",
    ident(),
    text("tenant"),
    text("base"),
    text("quote"),
    day("on_day"),
    rate("rate"),
    text("source"),
    unique("tenant", "source", "base", "quote", "on_day"),
)

COUPON: Final = table(
    "coupon",
    ident(),
    text("tenant"),
    text("key"),
    text("name"),
    quantity("percent"),
    amount("amount"),
    text("currency", null=True),
    big("cycles"),
    day("valid_from"),
    day("valid_to"),
    text("charges"),
    text("products"),
    flag("combinable"),
    big("most"),
    unique("tenant", "key"),
)

INDEX_VALUE: Final = table(
    "index_value",
    ident(),
    text("tenant"),
    text("index_key"),
    day("month"),
    rate("value"),
    unique("tenant", "index_key", "month"),
)

GL_ACCOUNT: Final = table(
    "gl_account",
    ident(),
    text("tenant"),
    text("code"),
    text("name"),
    text("kind"),
    flag("current"),
    unique("tenant", "code", where=CURRENT),
)
