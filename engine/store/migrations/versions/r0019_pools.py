"""What the price of a line looked at beside its own usage: allowance carried over, and the pool that it was priced in."""

from __future__ import annotations

from engine.store.migrations.adding import add_columns, drop_columns

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLES = ("invoice_line", "opening_line")
COLUMNS = (("basis", "text", "''"),)


def upgrade() -> None:
    """Add the columns."""
    for table in TABLES:
        add_columns(table, COLUMNS)


def downgrade() -> None:
    """Take them away again."""
    for table in reversed(TABLES):
        drop_columns(table, COLUMNS)
