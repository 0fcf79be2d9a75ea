"""Bank statements, their entries, and what the money of each is used for."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import amount, big, day, document, flag, ident, index, table, text, unique

BANK_STATEMENT: Final = table(
    "bank_statement",
    ident(),
    text("tenant"),
    text("entity"),
    text("account"),
    text("kind"),
    text("currency"),
    amount("opening", null=True),
    amount("closing", null=True),
    day("first_day"),
    day("last_day"),
    big("entries"),
    text("digest"),
    text("file"),
    big("run_id"),
    unique("tenant", "entity", "account", "digest"),
    index("tenant", "entity", "account", "last_day"),
)
"""A statement that was booked, once: ``digest`` is of all that it says."""

BANK_ENTRY: Final = table(
    "bank_entry",
    ident(),
    text("tenant"),
    text("entity"),
    text("account"),
    text("key"),
    big("statement_id"),
    big("parent"),
    amount("amount"),
    text("currency"),
    text("functional_currency"),
    amount("functional"),
    day("booked"),
    day("value_day"),
    text("payer"),
    text("payer_account"),
    text("end_to_end_id"),
    text("structured"),
    text("remittance"),
    text("bank_ref"),
    flag("reversal"),
    big("run_id"),
    unique("tenant", "entity", "account", "key"),
    index("statement_id"),
    index("tenant", "entity", "end_to_end_id", where="end_to_end_id <> ''"),
    index("tenant", "entity", "amount"),
)
"""An entry of a statement, or a payment that an entry gathers (``parent``).  The ids come from the block of documents."""

BANK_USE: Final = table(
    "bank_use",
    ident(),
    text("tenant"),
    text("entity"),
    big("entry_id"),
    text("kind"),
    amount("amount"),
    amount("functional"),
    day("day"),
    text("customer"),
    text("key"),
    text("other"),
    big("document"),
    big("source"),
    document("told"),
    big("decision"),
    big("run_id"),
    index("entry_id"),
    index("document"),
    index("tenant", "entity", "key", where="key <> ''"),
)
"""What a part of an entry was used for; one that is taken back has another one against it, which names it (``source``)."""

BANK_LEFT: Final = table(
    "bank_left",
    big("entry_id", key=True),
    text("tenant"),
    amount("open_amount"),
    amount("functional"),
    big("version"),
    index("tenant", "entry_id", where="open_amount <> 0"),
    clustered=True,
)
"""What is not used of an entry, kept beside its uses; its row is the lock of the entry."""

BANK_MARK: Final = table(
    "bank_mark",
    text("tenant", key=True),
    text("entity", key=True),
    text("account", key=True),
    text("kind"),
    big("version"),
    clustered=True,
)
"""The kind of file from which a bank account is booked; its row is the lock of the account's statements."""

WITHHELD: Final = table(
    "withheld",
    ident(),
    text("tenant"),
    text("entity"),
    text("account"),
    big("item"),
    text("currency"),
    amount("amount"),
    amount("functional"),
    text("certificate"),
    day("day"),
    big("document"),
    big("run_id"),
    index("tenant", "entity", "account"),
    unique("tenant", "entity", "account", "certificate", "item", where="certificate <> ''"),
)
"""Tax that customers have withheld (above zero), and the certificates for it (below zero)."""

REMITTANCE_ADVICE: Final = table(
    "remittance_advice",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    text("end_to_end_id"),
    text("bank_ref"),
    text("text"),
    unique("tenant", "entity", "key"),
    index("tenant", "entity", "end_to_end_id", where="end_to_end_id <> ''"),
    index("tenant", "entity", "bank_ref", where="bank_ref <> ''"),
)
"""What customers have told, apart from the payment, that a payment is for."""
