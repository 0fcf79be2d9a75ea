"""Revenue contracts: what was signed, what happened since, what bills for them, and which lines did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

TABLES = {
    "revenue_contract": "id big, tenant text, entity text, key text, account text, currency text, signed day, known day, "
    "agreed document",
    "revenue_occurrence": "id big, tenant text, contract_id big, key text, kind text, on_day day, known day, content document, "
    "at moment",
    "revenue_cover": "id big, tenant text, entity text, contract text, obligation text, subscription text, agreement text, charge text",
    "revenue_billed": "id big, tenant text, entity text, contract text, obligation text",
}
UNIQUE = {
    "revenue_contract": ("tenant", "entity", "key"),
    "revenue_occurrence": ("contract_id", "key"),
    "revenue_cover": ("tenant", "entity", "subscription", "agreement", "charge"),
}
INDEXES = {
    "revenue_contract": ("tenant", "entity", "account"),
    "revenue_billed": ("tenant", "entity", "contract"),
}


def upgrade() -> None:
    """Make the tables."""
    for name, words in TABLES.items():
        unique = UNIQUE.get(name, ())
        natural = [sa.UniqueConstraint(*unique, name=op.f(f"uq_{name}_{'_'.join(unique)}"))] if unique else []
        key = sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}"))
        op.create_table(name, *_columns(words), key, *natural, sqlite_strict=True)
    for name, columns in INDEXES.items():
        op.create_index(op.f(f"ix_{name}_{'_'.join(columns)}"), name, list(columns))


def _columns(words: str) -> list[sa.Column[object]]:
    other = op.get_bind().dialect.name != "sqlite"
    pairs = (column.split() for column in words.split(", "))
    return [
        sa.Column(name, TYPES[word.rstrip("?")][other], nullable=word.endswith("?"), autoincrement=False)
        for name, word in pairs
    ]


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
