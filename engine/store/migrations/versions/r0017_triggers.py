"""What charges wait for: milestones, notes on triggers, and what run requests for them are limited to and promise."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.adding import add_columns
from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLES = {
    "milestone": "id big, tenant text, entity text, subscription text, key text, charge text, name text, amount amount?, "
    "share rate?, expected day?, current flag",
    "trigger_note": "id big, tenant text, entity text, subscription_id big, event text, accepted_by text, evidence text, "
    "sender text, noted_at moment",
}
"""Names and types of columns; a question mark says that the column may be null."""


def upgrade() -> None:
    """Make tables and columns."""
    other = op.get_context().dialect.name != "sqlite"
    for name, written in TABLES.items():
        columns = []
        for called, word in (column.split() for column in written.split(", ")):
            kind = TYPES[word.rstrip("?")][other]
            columns.append(sa.Column(called, kind, nullable=word.endswith("?"), autoincrement=False))
        natural = ["subscription_id", "event"] if name == "trigger_note" else []
        keys = [sa.UniqueConstraint(*natural, name=op.f(f"uq_{name}_{'_'.join(natural)}"))] if natural else []
        op.create_table(
            name, *columns, sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")), *keys, sqlite_strict=True
        )
    current = sa.text("current")
    op.create_index(
        op.f("ix_milestone_tenant_entity_subscription_key"),
        "milestone",
        ["tenant", "entity", "subscription", "key"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )
    op.create_index(op.f("ix_trigger_note_tenant_noted_at"), "trigger_note", ["tenant", "noted_at"])
    add_columns("charge", [("starts_on", "text", "'subscription'")])
    add_columns("run_request", [("scope", "text", "''"), ("deadline", "moment", None)])


def downgrade() -> None:
    """Drop them."""
    op.drop_column("run_request", "deadline")
    op.drop_column("run_request", "scope")
    op.drop_column("charge", "starts_on")
    op.drop_table("trigger_note")
    op.drop_table("milestone")
