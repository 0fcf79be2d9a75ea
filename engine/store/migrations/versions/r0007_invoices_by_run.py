"""Invoices are found by the run that issued them."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_invoice_run_id", "invoice", ["run_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_invoice_run_id", "invoice")
