"""Anchors that move, charges that price several meters together, and usage that is taken back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and table; columns stand last, as rows are written in the order of columns."""
    sqlite = op.get_context().dialect.name == "sqlite"
    text = sa.Text() if sqlite else sa.Text(collation="C")
    op.add_column("charge", sa.Column("meters", text, nullable=True))
    big = sa.Integer() if sqlite else sa.BigInteger()
    op.add_column("subscription_event", sa.Column("anchor_day", big))
    columns: list[Any] = [sa.Column("id", big, autoincrement=False, nullable=False)]
    columns += [sa.Column(name, text, nullable=False) for name in ("tenant", "entity", "source", "key")]
    columns += [sa.Column(name, big, nullable=False) for name in ("event_id", "subscription_id")]
    columns += [sa.Column("meter", text, nullable=False)]
    columns += [sa.Column("day", sa.Text() if sqlite else sa.Date(), nullable=False)]
    key, natural = "usage_reversal", ("tenant", "entity", "source", "key")
    op.create_table(
        key,
        *columns,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{key}")),
        sa.UniqueConstraint(*natural, name=op.f(f"uq_{key}_{'_'.join(natural)}")),
        sqlite_strict=True,
    )
    op.create_index(op.f(f"ix_{key}_event_id"), key, ["event_id"])
    op.create_index(op.f(f"ix_{key}_subscription_id_day"), key, ["subscription_id", "day"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("usage_reversal")
    op.drop_column("subscription_event", "anchor_day")
    op.drop_column("charge", "meters")
