"""Approvals, and the queue of the scheduler."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TYPES: dict[str, tuple[Any, Any]] = {  # word: (on SQLite, on PostgreSQL)
    "text": (sa.Text(), sa.Text(collation="C")),
    "big": (sa.Integer(), sa.BigInteger()),
    "day": (sa.Text(), sa.Date()),
    "moment": (sa.Integer(), sa.DateTime(timezone=True)),
    "document": (sa.Text(), postgresql.JSONB()),
}
"""What the words after column names mean; a question mark says that the column may be null."""

# name: (columns, columns of the primary key, its natural key, whether SQLite keeps the rows in the primary key)
TABLES: dict[str, tuple[str, str, str, bool]] = {
    "approval": (
        "id big, tenant text, key text, act text, subject text, content text, sha256 text, maker text, made_at moment, "
        "reason text, state text, checker text, checked_at moment?, check_reason text",
        "id",
        "tenant key",
        False,
    ),
    "lease": ("tenant text, name text, holder text, until moment", "tenant name", "", True),
    "run_request": (
        "id big, tenant text, schedule text, kind text, due moment, on_day day, who text, reason text, enqueued_at moment, "
        "state text, attempts big, holder text, until moment?, finished_at moment?, run_id big, error text, "
        "summary document",
        "id",
        "tenant schedule due",
        False,
    ),
    "schedule_mark": ("tenant text, schedule text, times text, settled moment", "tenant schedule", "", True),
}

INDEXES = [  # table, columns, unique, of which rows
    ("approval", "tenant act subject", True, "state = 'pending'"),
    ("run_request", "tenant due", False, "state IN ('queued', 'taken')"),
]


def upgrade() -> None:
    """Make the tables."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, (columns, key, unique, clustered) in TABLES.items():
        parts: list[sa.schema.SchemaItem] = []
        for column in columns.split(", "):
            called, word = column.split(" ")
            kind = TYPES[word.rstrip("?")][other]
            parts.append(sa.Column(called, kind, nullable=word.endswith("?"), autoincrement=False))
        parts.append(sa.PrimaryKeyConstraint(*key.split(" "), name=f"pk_{name}"))
        if unique:
            parts.append(sa.UniqueConstraint(*unique.split(" "), name=f"uq_{name}_{unique.replace(' ', '_')}"))
        op.create_table(name, *parts, sqlite_strict=True, sqlite_with_rowid=not clustered)
    for name, columns, unique_rows, where in INDEXES:
        op.create_index(
            f"ix_{name}_{columns.replace(' ', '_')}",
            name,
            columns.split(" "),
            unique=unique_rows,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )


def downgrade() -> None:
    """Drop the tables."""
    for name in reversed(TABLES):
        op.drop_table(name)
