"""The request log."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = (
    "id big, tenant text, at moment, adapter text, plugin text, port text, hook text, key text, attempt big, items big, "
    "outcome text, kind text, milliseconds big, request document?, answer document?, masked flag, digest text, "
    "error text, run_id big"
)
"""Names and types; a question mark says that the column may be null."""


def upgrade() -> None:
    """Make the table."""
    sqlite = op.get_context().dialect.name == "sqlite"
    kinds: dict[str, Any] = {
        "text": sa.Text() if sqlite else sa.Text(collation="C"),
        "big": sa.Integer() if sqlite else sa.BigInteger(),
        "flag": sa.Integer() if sqlite else sa.Boolean(),
        "moment": sa.Integer() if sqlite else sa.DateTime(timezone=True),
        "document": sa.Text() if sqlite else postgresql.JSONB(),
    }
    columns = []
    for name, kind in (column.split() for column in COLUMNS.split(", ")):
        columns.append(sa.Column(name, kinds[kind.rstrip("?")], nullable=kind.endswith("?"), autoincrement=False))
    op.create_table("request", *columns, sa.PrimaryKeyConstraint("id", name=op.f("pk_request")), sqlite_strict=True)
    op.create_index(op.f("ix_request_tenant_at"), "request", ["tenant", "at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("request")
