"""Cycles of days and cycles counted from the terms, lines of zero, and adjustments of billed lines."""

from __future__ import annotations

from engine.store.migrations.adding import add_columns, drop_columns

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = {
    "charge": (("days", "big", "0"), ("cycles_from", "text", "'subscription'"), ("zero_lines", "flag", "false")),
    "subscription_event": (("charge", "text", None), ("amount", "amount", None)),
}


def upgrade() -> None:
    """Add the columns."""
    for table, columns in COLUMNS.items():
        add_columns(table, columns)


def downgrade() -> None:
    """Drop them."""
    for table, columns in COLUMNS.items():
        drop_columns(table, columns)
