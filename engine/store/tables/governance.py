"""Runs and what they found, who changed what, rule releases and the decisions made under them, ids."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import big, document, ident, index, moment, table, text, unique

RELEASE: Final = table(
    "release",
    text("hash", key=True),
    text("tenant", key=True),
    moment("created_at"),
    text("who"),
    text("reason"),
    document("manifest"),
)

RULE_FILE: Final = table("rule_file", text("sha256", key=True), text("content"))

DECISION: Final = table(
    "decision",
    ident(),
    text("release"),
    text("family"),
    text("ruleset"),
    text("rule"),
    text("file"),
    big("line"),
    document("parameters"),
    document("terms"),
)

RUN: Final = table(
    "run",
    ident(),
    text("tenant"),
    text("kind"),
    text("period"),
    text("scope"),
    text("release"),
    text("state"),
    moment("started_at"),
    moment("finished_at", null=True),
    text("who"),
    text("reason"),
    document("parameters"),
    document("summary"),
    unique("tenant", "kind", "period", "scope"),
)

PARTITION: Final = table(
    "partition",
    big("run_id", key=True),
    big("number", key=True),
    text("entity"),
    text("low"),
    text("high"),
    text("state"),
    document("summary"),
    moment("finished_at", null=True),
    clustered=True,
)

FINDING: Final = table(
    "finding",
    ident(),
    text("tenant"),
    big("run_id"),
    text("code"),
    text("level"),
    text("subject"),
    text("place"),
    text("what"),
    text("why"),
    text("mend"),
    moment("at"),
    index("run_id"),
)

AUDIT: Final = table(
    "audit",
    ident(),
    text("tenant"),
    moment("at"),
    text("who"),
    text("reason"),
    text("action"),
    text("subject"),
    document("before", null=True),
    document("after", null=True),
    big("run_id"),
    index("tenant", "subject"),
)

CHAIN: Final = table(
    "chain",
    text("tenant", key=True),
    big("position", key=True),
    text("previous"),
    text("hash"),
    document("seals"),
    clustered=True,
)
"""One link a transaction: the digests of what it wrote, see :mod:`engine.store.seals`."""

ID_BLOCK: Final = table("id_block", text("name", key=True), big("next"), clustered=True)

INTAKE_FILE: Final = table(
    "intake_file",
    ident(),
    text("tenant"),
    text("name"),
    text("sha256"),
    big("loaded"),
    big("quarantined"),
    moment("at"),
)
