"""Advices of what payments are for, which come apart from the payments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

NAME = "remittance_advice"
KEY = ("tenant", "entity", "key")
FOUND_BY = ("end_to_end_id", "bank_ref")


def upgrade() -> None:
    """Make the table."""
    other = op.get_bind().dialect.name != "sqlite"
    words = {"id": "big", **dict.fromkeys([*KEY, *FOUND_BY, "text"], "text")}
    op.create_table(
        NAME,
        *(sa.Column(name, TYPES[word][other], nullable=False, autoincrement=False) for name, word in words.items()),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{NAME}")),
        sa.UniqueConstraint(*KEY, name=op.f(f"uq_{NAME}_{'_'.join(KEY)}")),
        sqlite_strict=True,
    )
    for name in FOUND_BY:
        columns, there = ["tenant", "entity", name], sa.text(f"{name} <> ''")
        op.create_index(
            op.f(f"ix_{NAME}_{'_'.join(columns)}"), NAME, columns, sqlite_where=there, postgresql_where=there
        )


def downgrade() -> None:
    """Drop it."""
    op.drop_table(NAME)
