"""The close of a month: what its steps came to, and what was let go."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import amount, big, day, document, ident, moment, table, text, unique

CLOSE_STEP: Final = table(
    "close_step",
    ident(),
    text("tenant"),
    text("entity"),
    day("month"),
    big("number"),
    text("step"),
    text("state"),
    text("what"),
    document("results"),
    text("who"),
    moment("at"),
    unique("tenant", "entity", "month", "number"),
)
"""What a step of a month's close came to, each time that it was tried: rows are only ever added, ``number`` counts them.

``state`` is done, blocked or waiting (for a second person); of the step ``reopen`` it is done, and begins the close anew.  ``what`` says
in words what was done or is in the way, ``results`` what the checks found and which run did it.
"""

CLOSE_WAIVER: Final = table(
    "close_waiver",
    ident(),
    text("tenant"),
    text("entity"),
    day("month"),
    text("code"),
    text("subject"),
    text("digest"),
    text("what"),
    text("currency"),
    amount("amount", null=True),
    text("asked_by"),
    text("reason"),
    text("waived_by"),
    text("agreed"),
    moment("at"),
    unique("tenant", "entity", "month", "code", "subject", "digest"),
)
"""Findings of a month's close that two persons let go: ``asked_by`` for ``reason``, ``waived_by`` for what ``agreed`` says.

``digest`` is of what the finding says and of its amount: one that says anything else is not let go by it.
"""
