"""What happened to releases of rules, and changes of master data that wait for their steward."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import big, day, document, ident, index, moment, table, text

RELEASE_EVENT: Final = table(
    "release_event",
    ident(),
    text("tenant"),
    text("release"),
    text("event"),
    text("role"),
    day("day", null=True),
    text("withdraws"),
    text("who"),
    text("reason"),
    moment("at"),
    document("content"),
    index("tenant", "release"),
)
"""Events are appended.  ``role`` is that of somebody who agreed, ``day`` the first one on which the release is in force, ``withdraws``
the release that a rollback takes out of force from that day on; ``content`` is what a proposal was: where its files came from, what it
replaces, who has to agree."""

MASTER_CHANGE: Final = table(
    "master_change",
    ident(),
    text("tenant"),
    text("entity"),
    text("object"),
    text("record"),
    text("field"),
    text("source"),
    text("before", null=True),
    text("after", null=True),
    day("day", null=True),
    text("steward"),
    day("due"),
    big("ahead"),
    big("decision"),
    moment("at"),
    big("run_id"),
    text("state"),
    text("decided_by"),
    moment("decided_at", null=True),
    text("why"),
    big("applied"),
    index("tenant", "state"),
    index("applied", where="applied <> 0"),
)
"""A change that came from a source and is not in the masters yet.  ``day`` is the first one for which it holds (null: from the
moment it is confirmed), ``ahead`` the days before it from which bills wait; from ``state`` on it is what became of it, and ``applied``
is the id of the value that was written."""
