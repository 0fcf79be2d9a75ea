"""Prices that include tax."""

from __future__ import annotations

from engine.store.migrations.adding import add_columns, drop_columns

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

INCLUDED = [("tax_included", "flag", "false")]
GROSS = ("charge", "invoice_line", "opening_line")
"""Tables that say of prices whether they include tax."""


def upgrade() -> None:
    """Add the columns."""
    for table in GROSS:
        add_columns(table, INCLUDED)


def downgrade() -> None:
    """Drop them."""
    for table in GROSS:
        drop_columns(table, INCLUDED)
