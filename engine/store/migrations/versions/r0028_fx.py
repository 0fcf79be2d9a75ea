"""Revaluations of balances in foreign currency."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

COLUMNS = (
    "id big, tenant text, entity text, on_day day, account text, customer text, currency text, amount amount, "
    "functional_currency text, functional_amount amount, worth amount, rate rate, rate_source text, rate_on day, "
    "document big, run_id big"
)
KEY = ("tenant", "entity", "on_day", "account", "customer", "currency")


def upgrade() -> None:
    """Make the table."""
    other = op.get_bind().dialect.name != "sqlite"
    columns = [
        sa.Column(name, TYPES[word][other], nullable=False, autoincrement=False)
        for name, word in (column.split() for column in COLUMNS.split(", "))
    ]
    op.create_table(
        "revaluation",
        *columns,
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revaluation")),
        sa.UniqueConstraint(*KEY, name=op.f(f"uq_revaluation_{'_'.join(KEY)}")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_revaluation_document"), "revaluation", ["document"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("revaluation")
