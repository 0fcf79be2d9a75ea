"""Payers of single subscriptions: whom an event names, and how far the days of each are billed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

MARK = (
    "subscription_id big, billed_to day, events_seen big, usage_seen big, billed_on day?, billed_at moment?, payer text"
)
INDEX = "ix_subscription_event_tenant_entity_payer"


def upgrade() -> None:
    """Add the column and make the table."""
    other = op.get_bind().dialect.name != "sqlite"
    op.add_column("subscription_event", sa.Column("payer", TYPES["text"][other], nullable=True))
    where = sa.text("payer IS NOT NULL")
    keys = ["tenant", "entity", "payer"]
    op.create_index(op.f(INDEX), "subscription_event", keys, sqlite_where=where, postgresql_where=where)
    columns = [
        sa.Column(name, TYPES[word.rstrip("?")][other], nullable=word.endswith("?"), autoincrement=False)
        for name, word in (column.split() for column in MARK.split(", "))
    ]
    key = sa.PrimaryKeyConstraint("subscription_id", "payer", name=op.f("pk_payer_mark"))
    op.create_table("payer_mark", *columns, key, sqlite_strict=True, sqlite_with_rowid=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("payer_mark")
    op.drop_index(op.f(INDEX), "subscription_event")
    op.drop_column("subscription_event", "payer")
