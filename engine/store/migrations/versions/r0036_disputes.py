"""Disputes, what happened to them, the evidence that was gathered, and how their money was booked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

TABLES = {
    "dispute": "id big, tenant text, entity text, account text, key text, kind text, payment text, currency text, "
    "functional_currency text, items document, reason text, provider text, terms document, decision big, at moment, state text, "
    "stage text, round big, amount amount, due day?, owner text, closed_on day?, version big",
    "dispute_event": "id big, tenant text, dispute big, event text, kind text, at moment, content document, heard_at moment, "
    "heard_from text",
    "dispute_evidence": "id big, tenant text, dispute big, kind text, name text, size big, sha256 text, note text, at moment",
    "dispute_booking": "id big, tenant text, dispute big, part big, settlement text, day day, opened amount, held amount, lost amount, "
    "fees amount, worth amount",
}
UNIQUE = {
    "dispute": ("tenant", "entity", "key"),
    "dispute_event": ("dispute", "event"),
    "dispute_evidence": ("dispute", "sha256", "kind"),
    "dispute_booking": ("dispute", "part"),
}


def upgrade() -> None:
    """Make the tables."""
    for name, words in TABLES.items():
        unique = UNIQUE[name]
        op.create_table(
            name,
            *_columns(words),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
            sa.UniqueConstraint(*unique, name=op.f(f"uq_{name}_{'_'.join(unique)}")),
            sqlite_strict=True,
        )
    op.create_index(op.f("ix_dispute_tenant_entity_account"), "dispute", ["tenant", "entity", "account"])
    op.create_index(op.f("ix_dispute_tenant_state"), "dispute", ["tenant", "state"])
    undecided = sa.text("closed_on is null")
    name = op.f("ix_dispute_tenant_due")
    op.create_index(name, "dispute", ["tenant", "due"], sqlite_where=undecided, postgresql_where=undecided)


def _columns(words: str) -> list[sa.Column[object]]:
    other = op.get_bind().dialect.name != "sqlite"
    pairs = (column.split() for column in words.split(", "))
    return [
        sa.Column(name, TYPES[word.rstrip("?")][other], nullable=word.endswith("?"), autoincrement=False)
        for name, word in pairs
    ]


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
