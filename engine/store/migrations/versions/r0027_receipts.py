"""What was heard of documents after they were delivered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

COLUMNS = "id big, tenant text, adapter text, effect_key text, state text, at moment, reason text, evidence document, heard_at moment"


def upgrade() -> None:
    """Make the table."""
    other = op.get_bind().dialect.name != "sqlite"
    columns = [
        sa.Column(name, TYPES[word][other], nullable=False, autoincrement=False)
        for name, word in (column.split() for column in COLUMNS.split(", "))
    ]
    op.create_table("receipt", *columns, sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")), sqlite_strict=True)
    op.create_index(op.f("ix_receipt_tenant_effect_key"), "receipt", ["tenant", "effect_key"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("receipt")
