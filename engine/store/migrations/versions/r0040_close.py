"""The close of a month: what its steps came to, and what was let go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

TABLES = {
    "close_step": "id big, tenant text, entity text, month day, number big, step text, state text, what text, results document, who text, "
    "at moment",
    "close_waiver": "id big, tenant text, entity text, month day, code text, subject text, digest text, what text, currency text, "
    "amount amount?, asked_by text, reason text, waived_by text, agreed text, at moment",
}
UNIQUE = {
    "close_step": ("tenant", "entity", "month", "number"),
    "close_waiver": ("tenant", "entity", "month", "code", "subject", "digest"),
}


def upgrade() -> None:
    """Make the tables."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, words in TABLES.items():
        unique = UNIQUE[name]
        pairs = (column.split() for column in words.split(", "))
        op.create_table(
            name,
            *(
                sa.Column(column, TYPES[word.rstrip("?")][other], nullable=word.endswith("?"), autoincrement=False)
                for column, word in pairs
            ),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
            sa.UniqueConstraint(*unique, name=op.f(f"uq_{name}_{'_'.join(unique)}")),
            sqlite_strict=True,
        )


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
