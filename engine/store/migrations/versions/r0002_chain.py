"""The chain of what was written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    other = op.get_bind().dialect.name != "sqlite"
    columns = {"tenant": "text", "position": "big", "previous": "text", "hash": "text", "seals": "document"}
    op.create_table(
        "chain",
        *(sa.Column(name, TYPES[word][other], nullable=False, autoincrement=False) for name, word in columns.items()),
        sa.PrimaryKeyConstraint("tenant", "position", name="pk_chain"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("chain")
