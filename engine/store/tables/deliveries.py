"""Ways by which documents go, and inboxes of customers with the tokens that open them."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import big, document, ident, index, moment, table, text, unique

DELIVERY_WAY: Final = table(
    "delivery_way",
    ident(),
    text("tenant"),
    text("entity"),
    text("effect"),
    text("document"),
    text("adapter"),
    text("role"),
    document("fallback"),
    big("tries"),
    text("instead_of"),
    text("reason"),
    big("decision"),
    moment("at"),
    unique("tenant", "effect"),
    index("tenant", "document"),
)
"""A way that a rule of the family ``delivery`` named, or that is taken instead of one that failed; see
:class:`engine.model.delivering.Way`.  Rows are only ever added."""

INBOX_DOCUMENT: Final = table(
    "inbox_document",
    ident(),
    text("tenant"),
    text("entity"),
    text("account"),
    text("effect"),
    text("number"),
    text("kind"),
    document("detail"),
    text("sha256"),
    moment("at"),
    unique("tenant", "effect"),
    index("tenant", "entity", "account", "id"),
)
"""A document in the inbox of an account, with what a list of them shows; that it was read is a receipt of its effect."""

INBOX_FILE: Final = table(
    "inbox_file",
    ident(),
    text("tenant"),
    big("inbox"),
    text("name"),
    text("media_type"),
    big("size"),
    text("sha256"),
    text("content"),
    unique("inbox", "name"),
)
"""A file of a document in an inbox; ``content`` is base64, ``size`` and ``sha256`` are of its bytes."""

INBOX_TOKEN: Final = table(
    "inbox_token",
    ident(),
    text("tenant"),
    text("entity"),
    text("account"),
    text("name"),
    text("hash"),
    moment("made_at"),
    moment("revoked_at", null=True),
    unique("tenant", "entity", "account", "name"),
    unique("hash"),
)
"""A token that opens the inbox of an account, as its SHA-256 in hexadecimal."""
