"""Bank statements, their entries, and what the money of each is used for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

# name: (columns; "?" may be null, columns of the primary key, natural key, whether SQLite keeps the rows in the primary key)
TABLES: dict[str, tuple[str, str, str, bool]] = {
    "bank_statement": (
        "id big, tenant text, entity text, account text, kind text, currency text, opening amount?, closing amount?, "
        "first_day day, last_day day, entries big, digest text, file text, run_id big",
        "id",
        "tenant entity account digest",
        False,
    ),
    "bank_entry": (
        "id big, tenant text, entity text, account text, key text, statement_id big, parent big, amount amount, "
        "currency text, functional_currency text, functional amount, booked day, value_day day, payer text, "
        "payer_account text, end_to_end_id text, structured text, remittance text, bank_ref text, reversal flag, run_id big",
        "id",
        "tenant entity account key",
        False,
    ),
    "bank_use": (
        "id big, tenant text, entity text, entry_id big, kind text, amount amount, functional amount, day day, "
        "customer text, key text, other text, document big, source big, told document, decision big, run_id big",
        "id",
        "",
        False,
    ),
    "bank_left": (
        "entry_id big, tenant text, open_amount amount, functional amount, version big",
        "entry_id",
        "",
        True,
    ),
    "bank_mark": ("tenant text, entity text, account text, kind text, version big", "tenant entity account", "", True),
    "withheld": (
        "id big, tenant text, entity text, account text, item big, currency text, amount amount, functional amount, "
        "certificate text, day day, document big, run_id big",
        "id",
        "",
        False,
    ),
}

INDEXES = [  # table, columns, of which rows, whether they are unique
    ("bank_entry", "statement_id", "", False),
    ("bank_entry", "tenant entity amount", "", False),
    ("bank_entry", "tenant entity end_to_end_id", "end_to_end_id <> ''", False),
    ("bank_left", "tenant entry_id", "open_amount <> 0", False),
    ("bank_statement", "tenant entity account last_day", "", False),
    ("bank_use", "document", "", False),
    ("bank_use", "entry_id", "", False),
    ("bank_use", "tenant entity key", "key <> ''", False),
    ("withheld", "tenant entity account", "", False),
    ("withheld", "tenant entity account certificate item", "certificate <> ''", True),
]


def upgrade() -> None:
    """Make the tables."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, (columns, key, unique, clustered) in TABLES.items():
        parts: list[sa.schema.SchemaItem] = []
        for column in columns.split(", "):
            called, word = column.split(" ")
            null = word.endswith("?")
            kind = TYPES[word.removesuffix("?")][other]
            parts.append(sa.Column(called, kind, nullable=null, autoincrement=False))
        parts.append(sa.PrimaryKeyConstraint(*key.split(" "), name=op.f(f"pk_{name}")))
        if unique:
            parts.append(sa.UniqueConstraint(*unique.split(" "), name=op.f(f"uq_{name}_{unique.replace(' ', '_')}")))
        op.create_table(name, *parts, sqlite_strict=True, sqlite_with_rowid=not clustered)
    for name, columns, where, unique_ in INDEXES:
        rows = sa.text(where) if where else None
        called = op.f(f"ix_{name}_{columns.replace(' ', '_')}")
        op.create_index(called, name, columns.split(" "), unique=unique_, sqlite_where=rows, postgresql_where=rows)


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
