"""The request log: every call to the outside world."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import big, document, flag, ident, index, moment, table, text

REQUEST: Final = table(
    "request",
    ident(),
    text("tenant"),
    moment("at"),
    text("adapter"),
    text("plugin"),
    text("port"),
    text("hook"),
    text("key"),
    big("attempt"),
    big("items"),
    text("outcome"),
    text("kind"),
    big("milliseconds"),
    document("request", null=True),
    document("answer", null=True),
    flag("masked"),
    text("digest"),
    text("error"),
    big("run_id"),
    index("tenant", "at"),
)
