"""Instants: of subscription events, of the cycles of subscriptions, and what lines count where days do not say it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = (  # table, column, type, what it is in rows that are there; None: null
    ("subscription", "anchor_time", "text", None),
    ("subscription", "anchor_slips", "flag", sa.false()),
    ("subscription_event", "at", "moment", None),
    ("invoice_line", "upon", "big", sa.text("0")),
    ("invoice_line", "exact", "text", sa.text("''")),
    ("opening_line", "upon", "big", sa.text("0")),
    ("opening_line", "exact", "text", sa.text("''")),
)


def upgrade() -> None:
    """Add the columns."""
    other = op.get_bind().dialect.name != "sqlite"
    for table, name, word, given in COLUMNS:
        default = sa.text("0") if word == "flag" and not other else given
        kind = TYPES[word][other]
        op.add_column(table, sa.Column(name, kind, nullable=given is None, server_default=default))


def downgrade() -> None:
    """Drop them."""
    for table, name, *_ in reversed(COLUMNS):
        op.drop_column(table, name)
