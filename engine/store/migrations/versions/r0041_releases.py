"""What happened to releases of rules, and changes of master data that wait for their steward."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

TABLES = {
    "release_event": "id big, tenant text, release text, event text, role text, day day?, withdraws text, who text, reason text, "
    "at moment, content document",
    "master_change": "id big, tenant text, entity text, object text, record text, field text, source text, before text?, after text?, "
    "day day?, steward text, due day, ahead big, decision big, at moment, run_id big, state text, decided_by text, decided_at moment?, "
    "why text, applied big",
}
INDEXES = {
    "release_event": (("tenant", "release"),),
    "master_change": (("tenant", "state"),),
}


def upgrade() -> None:
    """Make the tables."""
    for name, words in TABLES.items():
        op.create_table(
            name, *_columns(words), sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")), sqlite_strict=True
        )
        for columns in INDEXES[name]:
            op.create_index(op.f(f"ix_{name}_{'_'.join(columns)}"), name, columns)
    written = sa.text("applied <> 0")
    name = op.f("ix_master_change_applied")
    op.create_index(name, "master_change", ["applied"], sqlite_where=written, postgresql_where=written)


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
