"""Ways by which documents go, and inboxes of customers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0045"
down_revision = "0043"
branch_labels = None
depends_on = None

TABLES = {
    "delivery_way": "id big, tenant text, entity text, effect text, document text, adapter text, role text, fallback document, tries big, "
    "instead_of text, reason text, decision big, at moment",
    "inbox_document": "id big, tenant text, entity text, account text, effect text, number text, kind text, detail document, sha256 text, "
    "at moment",
    "inbox_file": "id big, tenant text, inbox big, name text, media_type text, size big, sha256 text, content text",
    "inbox_token": "id big, tenant text, entity text, account text, name text, hash text, made_at moment, revoked_at moment?",
}
UNIQUE = (
    ("delivery_way", ("tenant", "effect")),
    ("inbox_document", ("tenant", "effect")),
    ("inbox_file", ("inbox", "name")),
    ("inbox_token", ("tenant", "entity", "account", "name")),
    ("inbox_token", ("hash",)),
)
INDEXES = (("delivery_way", ["tenant", "document"]), ("inbox_document", ["tenant", "entity", "account", "id"]))


def upgrade() -> None:
    """Make the tables."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, words in TABLES.items():
        pairs = (column.split() for column in words.split(", "))
        op.create_table(
            name,
            *(
                sa.Column(column, TYPES[word.rstrip("?")][other], nullable=word.endswith("?"), autoincrement=False)
                for column, word in pairs
            ),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
            *(
                sa.UniqueConstraint(*columns, name=op.f(f"uq_{name}_{'_'.join(columns)}"))
                for table, columns in UNIQUE
                if table == name
            ),
            sqlite_strict=True,
        )
    for name, columns in INDEXES:
        op.create_index(op.f(f"ix_{name}_{'_'.join(columns)}"), name, columns)


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
