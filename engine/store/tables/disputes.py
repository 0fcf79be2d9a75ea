"""Disputes, what happened to them, the evidence that was gathered, and how their money was booked."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import amount, big, day, document, ident, index, moment, table, text, unique

DISPUTE: Final = table(
    "dispute",
    ident(),
    text("tenant"),
    text("entity"),
    text("account"),
    text("key"),
    text("kind"),
    text("payment"),
    text("currency"),
    text("functional_currency"),
    document("items"),
    text("reason"),
    text("provider"),
    document("terms"),
    big("decision"),
    moment("at"),
    text("state"),
    text("stage"),
    big("round"),
    amount("amount"),
    day("due", null=True),
    text("owner"),
    day("closed_on", null=True),
    big("version"),
    unique("tenant", "entity", "key"),
    index("tenant", "entity", "account"),
    index("tenant", "state"),
    index("tenant", "due", where="closed_on is null"),
)
"""A dispute; from ``state`` on it is kept as its events make it.  Its row is the lock of what is done for it."""

DISPUTE_EVENT: Final = table(
    "dispute_event",
    ident(),
    text("tenant"),
    big("dispute"),
    text("event"),
    text("kind"),
    moment("at"),
    document("content"),
    moment("heard_at"),
    text("heard_from"),
    unique("dispute", "event"),
)
"""Something that happened to a dispute, once however often it was told."""

DISPUTE_EVIDENCE: Final = table(
    "dispute_evidence",
    ident(),
    text("tenant"),
    big("dispute"),
    text("kind"),
    text("name"),
    big("size"),
    text("sha256"),
    text("note"),
    moment("at"),
    unique("dispute", "sha256", "kind"),
)
"""A file that is evidence: what it shows, and the SHA-256 by which it is known again.  The file itself stays where it is kept."""

DISPUTE_BOOKING: Final = table(
    "dispute_booking",
    ident(),
    text("tenant"),
    big("dispute"),
    big("part"),
    text("settlement"),
    day("day"),
    amount("opened"),
    amount("held"),
    amount("lost"),
    amount("fees"),
    amount("worth"),
    unique("dispute", "part"),
)
"""What was booked for a dispute, as it changes where its money stands; the id is the document of its entry, from the block of documents.

``settlement`` is the key of the act that opens invoices, or pays them again; empty where none is touched.  ``worth`` is what is
added to the worth of what is held.
"""
