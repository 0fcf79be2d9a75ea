"""Settlements of open items, credit on accounts, credit and debit memos."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# name: (columns, columns of the primary key, natural key, whether SQLite keeps the rows in the primary key)
TABLES: dict[str, tuple[str, str, str, bool]] = {
    "settlement": (
        "id big, tenant text, entity text, key text, part big, kind text, account text, item big, currency text, "
        "amount amount, functional_currency text, functional amount, day day, at moment, document big, source text, note text, "
        "digest text, decision big, run_id big",
        "id",
        "tenant entity key part",
        False,
    ),
    "account_credit": (
        "tenant text, entity text, account text, currency text, balance amount, functional_currency text, "
        "functional amount, version big",
        "tenant entity account currency",
        "",
        True,
    ),
    "memo": (
        "id big, tenant text, entity text, account text, kind text, reason text, note text, key text, digest text, original big, day day, "
        "decision big, run_id big",
        "id",
        "tenant entity key",
        False,
    ),
}

INDEXES = [  # table, columns, of which rows
    ("memo", "tenant entity account", ""),
    ("settlement", "document", ""),
    ("settlement", "item", "item <> 0"),
    ("settlement", "source", "source <> ''"),
    ("settlement", "tenant entity account", ""),
]


def upgrade() -> None:
    """Make the tables."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, (columns, key, unique, clustered) in TABLES.items():
        parts: list[sa.schema.SchemaItem] = []
        for column in columns.split(", "):
            called, word = column.split(" ")
            parts.append(sa.Column(called, TYPES[word][other], nullable=False, autoincrement=False))
        parts.append(sa.PrimaryKeyConstraint(*key.split(" "), name=op.f(f"pk_{name}")))
        if unique:
            parts.append(sa.UniqueConstraint(*unique.split(" "), name=op.f(f"uq_{name}_{unique.replace(' ', '_')}")))
        op.create_table(name, *parts, sqlite_strict=True, sqlite_with_rowid=not clustered)
    for name, columns, where in INDEXES:
        rows = sa.text(where) if where else None
        called = op.f(f"ix_{name}_{columns.replace(' ', '_')}")
        op.create_index(called, name, columns.split(" "), sqlite_where=rows, postgresql_where=rows)


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
