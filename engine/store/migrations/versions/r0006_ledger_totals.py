"""Totals that are written with postings, so that a posting that is changed later shows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BACKFILL = """
INSERT INTO ledger_total
SELECT p.tenant, p.entity, e.posting_date, p.account,
       CASE WHEN p.amount = 0 THEN p.functional_currency ELSE p.currency END,
       min(p.entry_id),
       sum(CASE WHEN p.amount = 0 THEN p.functional_amount ELSE p.amount END)
FROM posting p JOIN entry e ON e.id = p.entry_id
GROUP BY 1, 2, 3, 4, 5
"""


def upgrade() -> None:
    """Make the table, and add up what is posted."""
    other = op.get_bind().dialect.name != "sqlite"
    text = sa.Text(collation="C") if other else sa.Text()
    columns: list[sa.Column[Any]] = [
        sa.Column("tenant", text, nullable=False),
        sa.Column("entity", text, nullable=False),
        sa.Column("posting_date", sa.Date() if other else sa.Text(), nullable=False),
        sa.Column("account", text, nullable=False),
        sa.Column("currency", text, nullable=False),
        sa.Column("entry_id", sa.BigInteger() if other else sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("amount", sa.Numeric(19, 4) if other else sa.Integer(), nullable=False),
    ]
    key = sa.PrimaryKeyConstraint(*(column.name for column in columns[:-1]), name="pk_ledger_total")
    op.create_table("ledger_total", *columns, key, sqlite_strict=True, sqlite_with_rowid=False)
    op.execute(BACKFILL)


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("ledger_total")
