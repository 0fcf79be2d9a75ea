"""Messages that other systems sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0043"
down_revision = "0041"
branch_labels = None
depends_on = None

COLUMNS = (
    "id big, tenant text, sender text, key text, slot text, kind text, version text, digest text, body document, state text, "
    "told document, at moment, run_id big"
)


def upgrade() -> None:
    """Make the table."""
    other = op.get_bind().dialect.name != "sqlite"
    op.create_table(
        "message",
        *(
            sa.Column(name, TYPES[word][other], nullable=False, autoincrement=False)
            for name, word in (pair.split() for pair in COLUMNS.split(", "))
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("tenant", "sender", "key", "slot", name=op.f("uq_message_tenant_sender_key_slot")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_message_tenant_state"), "message", ["tenant", "state"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("message")
