"""What came over from the system that billed before, and the open items that such balances become.

The first five tables are facts of a cut-over.  The last four are subledgers: an open item, cash, a wallet lot or a
deferral that was brought over names its cut-over; one that arises here has none.  Their ids, and those of opening lines,
come from the blocks of documents and of invoice lines, so that an id never means two things.
"""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import amount, big, day, ident, index, rate, table, text, unique
from engine.store.tables.invoicing import charged

CUTOVER: Final = table(
    "cutover",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    day("first_day"),
    text("source"),
    unique("tenant", "entity", "key"),
)
"""``first_day`` is the first day that is billed here."""

OPENING_MARK: Final = table(
    "opening_mark",
    big("subscription_id", key=True),
    text("tenant"),
    text("entity"),
    text("cutover"),
    day("first_day"),
    big("events_seen"),
    big("usage_seen"),
    clustered=True,
)
"""Subscriptions that were billed elsewhere before ``first_day``, and the newest events that were known then."""

BILLED_THROUGH: Final = table(
    "billed_through",
    ident(),
    text("tenant"),
    text("entity"),
    big("subscription_id"),
    text("charge"),
    text("kind"),
    day("billed_to"),
    text("cutover"),
    unique("subscription_id", "charge"),
)
"""``billed_to`` is the first day that was not billed elsewhere."""

OPENING_LINE: Final = table(
    "opening_line",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    text("cutover"),
    text("document"),
    day("document_date"),
    *charged(),
    # its tax
    rate("tax_rate"),
    amount("tax_amount"),
    text("tax_category"),
    text("tax_jurisdiction"),
    text("tax_reason"),
    # its exchange rate
    text("functional_currency"),
    rate("rate"),
    unique("tenant", "entity", "key"),
    index("subscription_id", "service_to"),
    index("credits", where="credits <> 0"),
)
"""Lines that the old system billed; ``credits`` is the opening line that one gives back."""

OPENING_NUMBER: Final = table(
    "opening_number",
    ident(),
    text("tenant"),
    text("entity"),
    text("series"),
    big("last_number"),
    day("last_date"),
    text("cutover"),
    unique("tenant", "entity", "series"),
)
"""The last legal number that the old system gave in a series that goes on here."""

OPENING_BALANCE: Final = table(
    "opening_balance",
    ident(),
    text("tenant"),
    text("entity"),
    text("cutover"),
    text("account"),
    text("currency"),
    amount("amount"),
    amount("functional_amount"),
    unique("tenant", "entity", "cutover", "account", "currency"),
)
"""Control totals: what the general ledger of the old system said of an account."""

RECEIVABLE: Final = table(
    "receivable",
    ident(),
    text("tenant"),
    text("entity"),
    text("number"),
    text("account"),
    text("kind"),
    day("document_date"),
    day("due_date"),
    text("currency"),
    amount("original"),
    amount("amount"),
    text("functional_currency"),
    amount("functional_amount"),
    text("cutover"),
    unique("tenant", "entity", "number"),
    index("tenant", "entity", "account"),
)
"""Receivable open items; ``amount`` is what was open when the item came to be here, credit notes negative."""

CASH_ON_ACCOUNT: Final = table(
    "cash_on_account",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    text("account"),
    day("value_date"),
    text("currency"),
    amount("amount"),
    text("functional_currency"),
    amount("functional_amount"),
    text("cutover"),
    unique("tenant", "entity", "key"),
    index("tenant", "entity", "account"),
)
"""Money that came and is applied to nothing; ``key`` is the reference of the bank."""

WALLET_LOT: Final = table(
    "wallet_lot",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    text("account"),
    day("granted_on"),
    day("expires_on"),
    big("priority"),
    text("currency"),
    amount("granted"),
    amount("amount"),
    text("functional_currency"),
    amount("functional_amount"),
    text("cutover"),
    text("wallet"),
    text("kind"),
    amount("cost", null=True),
    unique("tenant", "entity", "key"),
    index("tenant", "entity", "account"),
)
"""Prepaid credits; ``amount`` is what there was of a lot when it came to be here, ``cost`` what the customer has paid for that
(null: as much as it is), ``functional_amount`` what the cost is worth.  ``kind`` is paid or promotional.  ``wallet`` is empty in
lots that came over before there were wallets; ``lot_left`` says in which wallet each is."""

DEFERRAL: Final = table(
    "deferral",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    text("account"),
    text("contract"),
    text("subscription"),
    text("product"),
    text("currency"),
    amount("amount"),
    text("functional_currency"),
    amount("functional_amount"),
    day("service_from"),
    day("service_to"),
    text("cutover"),
    unique("tenant", "entity", "key"),
    index("tenant", "entity", "account"),
)
"""Revenue that was invoiced and is still to be recognised, evenly over ``service_from`` up to ``service_to``."""
