"""Usage that is fetched: how far each adapter was read; and a smaller index of usage events by subscription."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_OLD = "ix_usage_event_subscription_id_day_meter"
_NEW = "ix_usage_event_subscription_id_day"


def upgrade() -> None:
    """Make the table, and the index again without the meter: a subscription has few events of other meters on a day."""
    sqlite = op.get_context().dialect.name == "sqlite"
    text, big = (sa.Text(), sa.Integer()) if sqlite else (sa.Text(collation="C"), sa.BigInteger())
    moment = sa.Integer() if sqlite else sa.DateTime(timezone=True)
    op.create_table(
        "usage_cursor",
        sa.Column("tenant", text, nullable=False),
        sa.Column("adapter", text, nullable=False),
        sa.Column("cursor", text, nullable=False),
        sa.Column("events", big, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "adapter", name=op.f("pk_usage_cursor")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.drop_index(_OLD, "usage_event")
    op.create_index(op.f(_NEW), "usage_event", ["subscription_id", "day"])


def downgrade() -> None:
    """Drop the table, and make the index as it was."""
    op.drop_index(_NEW, "usage_event")
    op.create_index(op.f(_OLD), "usage_event", ["subscription_id", "day", "meter"])
    op.drop_table("usage_cursor")
