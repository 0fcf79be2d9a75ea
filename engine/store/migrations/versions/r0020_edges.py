"""The moment at which the run began that billed a subscription last, where rules count hours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    other = op.get_bind().dialect.name != "sqlite"
    op.add_column("billing_mark", sa.Column("billed_at", TYPES["moment"][other], nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("billing_mark", "billed_at")
