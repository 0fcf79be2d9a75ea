"""Dunning: what stands against it, the steps that were taken, what paying late costs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

TABLES = {
    "dunning_note": (
        "id big, tenant text, entity text, key text, kind text, account text, currency text, item big, amount amount, "
        "start day, until day, ends big, detail document, reason text, digest text, at moment",
        "tenant entity key",
    ),
    "dunning_step": (
        "id big, tenant text, entity text, account text, currency text, item big, cycle big, step text, number big, "
        "planned day, day day, action text, tone text, channel text, consent document, asked amount, pay_by day, "
        "items document, look document, effect text, decision big, at moment, run_id big",
        "tenant entity account currency item cycle step",
    ),
    "dunning_claim": (
        "id big, tenant text, entity text, account text, step_id big, item big, kind text, name text, start day, until day, "
        "currency text, amount amount, basis text, document big, decision big, run_id big",
        "step_id item kind name",
    ),
}
INDEXES = [  # table, columns, of which rows
    ("dunning_note", "tenant entity account", ""),
    ("dunning_step", "effect", "effect <> ''"),
    ("dunning_claim", "tenant entity account", ""),
    ("dunning_claim", "document", "document <> 0"),
]


def upgrade() -> None:
    """Make the tables."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, (columns, unique) in TABLES.items():
        parts: list[sa.schema.SchemaItem] = []
        for column in columns.split(", "):
            called, word = column.split(" ")
            parts.append(sa.Column(called, TYPES[word][other], nullable=False, autoincrement=False))
        parts.append(sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")))
        parts.append(sa.UniqueConstraint(*unique.split(" "), name=op.f(f"uq_{name}_{unique.replace(' ', '_')}")))
        op.create_table(name, *parts, sqlite_strict=True)
    for name, columns, where in INDEXES:
        rows = sa.text(where) if where else None
        called = op.f(f"ix_{name}_{columns.replace(' ', '_')}")
        op.create_index(called, name, columns.split(" "), sqlite_where=rows, postgresql_where=rows)


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
