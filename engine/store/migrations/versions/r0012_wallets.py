"""Wallets: their terms, what is in them, and what moved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.adding import Added, add_columns, drop_columns
from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# name: (columns, columns of the primary key, whether SQLite keeps the rows in the primary key)
TABLES: dict[str, tuple[str, str, bool]] = {
    "lot_left": ("lot_id big, tenant text, entity text, wallet text, amount amount", "lot_id", True),
    "wallet": (
        "id big, tenant text, entity text, key text, account text, name text, currency text, unit text, unit_rate rate, "
        "floor amount, low amount, priority big, charges text, meters text, products text, current flag",
        "id",
        False,
    ),
    "wallet_movement": (
        "id big, tenant text, entity text, wallet text, number big, key text, part big, kind text, lot_id big, "
        "amount amount, balance amount, cost amount, functional amount, day day, at moment, digest text, invoice text, "
        "document big, line_id big, decision big, run_id big",
        "id",
        False,
    ),
    "wallet_state": (
        "tenant text, entity text, key text, account text, currency text, balance amount, version big",
        "tenant entity key",
        True,
    ),
}

NATURAL_KEYS = [
    ("wallet_movement", "tenant entity wallet key part"),
    ("wallet_movement", "tenant entity wallet number"),
]

INDEXES = [  # table, columns, whether it is unique, of which rows
    ("lot_left", "tenant entity wallet", False, "amount <> 0"),
    ("wallet", "tenant entity account", False, "current"),
    ("wallet", "tenant entity key", True, "current"),
    ("wallet_movement", "document", False, ""),
    ("wallet_movement", "line_id", False, "line_id <> 0"),
    ("wallet_movement", "lot_id", False, ""),
    ("wallet_state", "tenant entity account", False, ""),
]

LOT: tuple[Added, ...] = (("wallet", "text", "''"), ("kind", "text", "'paid'"), ("cost", "amount", None))

THERE = (
    "INSERT INTO lot_left (lot_id, tenant, entity, wallet, amount) "
    "SELECT id, tenant, entity, account || '-' || currency, amount FROM wallet_lot",
    "INSERT INTO wallet_state (tenant, entity, key, account, currency, balance, version) "
    "SELECT tenant, entity, account || '-' || currency, account, currency, SUM(amount), 0 FROM wallet_lot "
    "GROUP BY tenant, entity, account, currency",
)
"""Lots that are there come into one wallet for each account and currency."""


def upgrade() -> None:
    """Make the tables, and find a wallet for the lots that are there."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, (columns, key, clustered) in TABLES.items():
        parts: list[sa.schema.SchemaItem] = []
        for column in columns.split(", "):
            called, word = column.split(" ")
            parts.append(sa.Column(called, TYPES[word][other], nullable=False, autoincrement=False))
        parts.append(sa.PrimaryKeyConstraint(*key.split(" "), name=f"pk_{name}"))
        for table, unique in NATURAL_KEYS:
            if table == name:
                parts.append(sa.UniqueConstraint(*unique.split(" "), name=f"uq_{name}_{unique.replace(' ', '_')}"))
        op.create_table(name, *parts, sqlite_strict=True, sqlite_with_rowid=not clustered)
    for name, columns, unique_rows, where in INDEXES:
        rows = sa.text(where) if where else None
        called = f"ix_{name}_{columns.replace(' ', '_')}"
        parts_of = columns.split(" ")
        op.create_index(called, name, parts_of, unique=unique_rows, sqlite_where=rows, postgresql_where=rows)
    add_columns("wallet_lot", LOT)
    for statement in THERE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    drop_columns("wallet_lot", LOT)
    for name in reversed(TABLES):
        op.drop_table(name)
