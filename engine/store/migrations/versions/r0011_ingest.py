"""Usage events that clients sent and the books did not take."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COLUMNS = (
    "id big, tenant text, entity text, source text, key text, digest text, client text, at moment, code text, "
    "what text, body document"
)
"""Names and types."""


def upgrade() -> None:
    """Make the table."""
    sqlite = op.get_context().dialect.name == "sqlite"
    kinds: dict[str, Any] = {
        "text": sa.Text() if sqlite else sa.Text(collation="C"),
        "big": sa.Integer() if sqlite else sa.BigInteger(),
        "moment": sa.Integer() if sqlite else sa.DateTime(timezone=True),
        "document": sa.Text() if sqlite else postgresql.JSONB(),
    }
    columns = [
        sa.Column(name, kinds[kind], nullable=False, autoincrement=False)
        for name, kind in (column.split() for column in COLUMNS.split(", "))
    ]
    op.create_table(
        "usage_refused",
        *columns,
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_refused")),
        sa.UniqueConstraint("tenant", "digest", name=op.f("uq_usage_refused_tenant_digest")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_usage_refused_tenant_source_key"), "usage_refused", ["tenant", "source", "key"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("usage_refused")
