"""What settles open items, the credit on accounts, and why documents were made by hand."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import amount, big, day, ident, index, moment, table, text, unique

SETTLEMENT: Final = table(
    "settlement",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    big("part"),
    text("kind"),
    text("account"),
    big("item"),
    text("currency"),
    amount("amount"),
    text("functional_currency"),
    amount("functional"),
    day("day"),
    moment("at"),
    big("document"),
    text("source"),
    text("note"),
    text("digest"),
    big("decision"),
    big("run_id"),
    unique("tenant", "entity", "key", "part"),
    index("tenant", "entity", "account"),
    index("item", where="item <> 0"),
    index("document"),
    index("source", where="source <> ''"),
)
"""One leg of an act: what it adds to what is left of an ``item`` (an invoice, an opening; 0 for the credit of the account).

``key`` makes an act happen once; ``document`` is the id that its entry names; ``source`` is the key of the payment that a refund or
a chargeback is of.  The ids come from the block of documents.
"""

ACCOUNT_CREDIT: Final = table(
    "account_credit",
    text("tenant", key=True),
    text("entity", key=True),
    text("account", key=True),
    text("currency", key=True),
    amount("balance"),
    text("functional_currency"),
    amount("functional"),
    big("version"),
    clustered=True,
)
"""What an account has with us, kept beside the settlements that it comes from; its row is the lock of the account's items."""

MEMO: Final = table(
    "memo",
    ident(),
    text("tenant"),
    text("entity"),
    text("account"),
    text("kind"),
    text("reason"),
    text("note"),
    text("key"),
    text("digest"),
    big("original"),
    day("day"),
    big("decision"),
    big("run_id"),
    unique("tenant", "entity", "key"),
    index("tenant", "entity", "account"),
)
"""Why a credit or debit note was made by hand; its id is that of the document.  ``original`` is the invoice that it corrects."""
