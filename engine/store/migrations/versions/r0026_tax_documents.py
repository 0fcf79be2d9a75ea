"""The parts of the tax of invoice lines, by jurisdiction."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TABLE = "tax_detail"
COLUMNS = (
    "id big, tenant text, entity text, invoice_id big, line_id big, number big, jurisdiction text, level text, rate rate, "
    "taxable amount, amount amount, name text"
)
"""Names and types of columns."""


def upgrade() -> None:
    """Make the table."""
    other = op.get_context().dialect.name != "sqlite"
    columns = [
        sa.Column(name, TYPES[word][other], nullable=False, autoincrement=False)
        for name, word in (column.split() for column in COLUMNS.split(", "))
    ]
    op.create_table(
        TABLE,
        *columns,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint("line_id", "number", name=op.f(f"uq_{TABLE}_line_id_number")),
        sqlite_strict=True,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table(TABLE)
