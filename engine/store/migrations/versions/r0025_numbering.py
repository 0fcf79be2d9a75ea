"""What stands beside legal numbers, series whose dates are free, and the steps of documents that an authority clears."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.adding import add_columns, drop_columns
from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TABLES = {
    "number_mark": (
        "id big, tenant text, entity text, series text, sequence big, code text, signer text, entered text, text text, "
        "signature text, printed text",
        ("tenant", "entity", "series", "sequence"),
    ),
    "clearance_step": (
        "id big, tenant text, entity text, invoice_id big, step big, state text, at moment, key text, adapter text, "
        "payer_id big, authority_id text, qr text, reason text, evidence document, decision big, run_id big",
        ("invoice_id", "step"),
    ),
}
SERIES = [("dates", "text", "'ascending'")]


def upgrade() -> None:
    """Make the tables and add the column."""
    other = op.get_bind().dialect.name != "sqlite"
    for table, (listed, unique) in TABLES.items():
        columns = [
            sa.Column(name, TYPES[word.rstrip("?")][other], nullable=word.endswith("?"), autoincrement=False)
            for name, word in (column.split() for column in listed.split(", "))
        ]
        op.create_table(
            table,
            *columns,
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
            sa.UniqueConstraint(*unique, name=op.f(f"uq_{table}_{'_'.join(unique)}")),
            sqlite_strict=True,
        )
    op.create_index(op.f("ix_clearance_step_tenant_state"), "clearance_step", ["tenant", "state"])
    add_columns("series", SERIES)


def downgrade() -> None:
    """Drop them."""
    drop_columns("series", SERIES)
    for table in reversed(TABLES):
        op.drop_table(table)
