"""Mandates and direct debits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

# name: (columns, of which may be null, natural keys with the rows that they are of)
TABLES: dict[str, tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    "mandate": (
        "id big, tenant text, entity text, reference text, account text, scheme text, kind text, debtor_name text, "
        "iban text, bic text, creditor_id text, signed_on day, replaces text, last_collected day, final flag, "
        "cancelled_on day, confirmed_on day, current flag",
        ("last_collected", "cancelled_on", "confirmed_on"),
        (("tenant entity reference", "current"),),
    ),
    "direct_debit": (
        "id big, tenant text, entity text, account text, key text, mandate text, item big, number text, attempt big, "
        "currency text, amount amount, due day, planned_on day, notice text, decision big, run_id big, state text, "
        "step big",
        (),
        (("tenant entity key", ""),),
    ),
    "debit_step": (
        "id big, tenant text, debit big, step big, state text, day day, at moment, amount amount, due day, version big, "
        "sequence text, effect text, provider text, event text, code text, kind text, fee amount, evidence text, "
        "run_id big",
        (),
        (("debit step", ""), ("tenant provider event", "event <> ''"), ("tenant effect", "effect <> ''")),
    ),
}

INDEXES = [  # table, columns, of which rows
    ("direct_debit", "tenant entity account", ""),
    ("direct_debit", "tenant entity mandate", ""),
    ("direct_debit", "tenant item", ""),
    ("direct_debit", "tenant state", "state IN ('planned', 'notified', 'sent')"),
    ("mandate", "tenant entity account", "current"),
]


def upgrade() -> None:
    """Make the tables."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, (columns, nullable, keys) in TABLES.items():
        parts: list[sa.schema.SchemaItem] = []
        for column in columns.split(", "):
            called, word = column.split(" ")
            parts.append(sa.Column(called, TYPES[word][other], nullable=called in nullable, autoincrement=False))
        parts.append(sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")))
        parts += [
            sa.UniqueConstraint(*key.split(" "), name=op.f(f"uq_{name}_{key.replace(' ', '_')}"))
            for key, where in keys
            if not where
        ]
        op.create_table(name, *parts, sqlite_strict=True)
        for key, where in keys:
            if where:
                _index(name, key, where, unique=True)
    for name, columns, where in INDEXES:
        _index(name, columns, where)


def _index(table: str, columns: str, where: str, *, unique: bool = False) -> None:
    rows = sa.text(where) if where else None
    called = op.f(f"ix_{table}_{columns.replace(' ', '_')}")
    op.create_index(called, table, columns.split(" "), unique=unique, sqlite_where=rows, postgresql_where=rows)


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
