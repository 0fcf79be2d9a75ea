"""Messages that other systems sent."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import big, document, ident, index, moment, table, text, unique

MESSAGE: Final = table(
    "message",
    ident(),
    text("tenant"),
    text("sender"),
    text("key"),
    text("slot"),
    text("kind"),
    text("version"),
    text("digest"),
    document("body"),
    text("state"),
    document("told"),
    moment("at"),
    big("run_id"),
    unique("tenant", "sender", "key", "slot"),
    index("tenant", "state"),
)
"""A message by the sender's key of it.  Of one that was ``taken`` the ``slot`` is empty, so that a key has one; of one that was
``refused``, or came as a ``conflict`` with the one that was taken, it is the digest, so that each is kept once.  ``told`` is what was
answered."""
