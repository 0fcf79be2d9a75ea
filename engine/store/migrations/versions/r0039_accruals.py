"""Accruals, allowances for losses that are expected, and shares of other legal entities."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

TABLES = {
    "revenue_accrual": "id big, tenant text, entity text, month day, key text, payer text, account text, subscription text, plan text, charge text, "
    "product text, country text, role text, currency text, service_from day, service_to day, amount amount, functional_currency text, "
    "functional_amount amount, rate rate, rate_source text, rate_on day, decision big, run_id big",
    "impairment": "id big, tenant text, entity text, on_day day, account text, segment text, currency text, exposure amount, wanted amount, "
    "amount amount, decision big, document big, run_id big",
    "intercompany": "id big, tenant text, entity text, partner text, line_id big, on_day day, product text, country text, currency text, "
    "base amount, share rate, amount amount, decision big, run_id big",
}
UNIQUE = {
    "revenue_accrual": ("run_id", "entity", "key"),
    "impairment": ("run_id", "entity", "account"),
    "intercompany": ("line_id", "partner"),
}
INDEXES = {
    "revenue_accrual": (("tenant", "entity", "month"),),
    "impairment": (("tenant", "entity", "on_day"), ("document",)),
    "intercompany": (("tenant", "entity", "partner"),),
}


def upgrade() -> None:
    """Make the tables."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, words in TABLES.items():
        unique = UNIQUE[name]
        pairs = (column.split() for column in words.split(", "))
        op.create_table(
            name,
            *(sa.Column(column, TYPES[word][other], nullable=False, autoincrement=False) for column, word in pairs),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
            sa.UniqueConstraint(*unique, name=op.f(f"uq_{name}_{'_'.join(unique)}")),
            sqlite_strict=True,
        )
        for columns in INDEXES[name]:
            op.create_index(op.f(f"ix_{name}_{'_'.join(columns)}"), name, list(columns))


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
