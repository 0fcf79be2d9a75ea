"""Late usage, sources and their control totals, the worklist; the day on which a subscription was billed last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# name: (columns, columns of the primary key, its natural key, whether SQLite keeps the rows in the primary key)
TABLES: dict[str, tuple[str, str, str, bool]] = {
    "late_usage": (
        "id big, tenant text, entity text, subscription_id big, usage_id big, event_id big, source text, key text, "
        "meter text, day day, quantity quantity, plan text, charge text, service_from day, service_to day, "
        "days_late big, disposition text, amount amount?, currency text, decision big, run_id big",
        "id",
        "tenant usage_id",
        False,
    ),
    "usage_source": (
        "id big, tenant text, entity text, key text, meters text, every text, due_days big, first_day day, "
        "last_day day?, totals flag, current flag",
        "id",
        "",
        False,
    ),
    "usage_total": (
        "id big, tenant text, entity text, source text, meter text, day day, until day?, events big?, "
        "quantity quantity?, current flag",
        "id",
        "",
        False,
    ),
    "usage_settled": ("total_id big, tenant text, how text, run_id big", "total_id", "", True),
    "usage_arrived": (
        "tenant text, entity text, source text, meter text, day day, events big, quantity quantity",
        "tenant entity source meter day",
        "",
        True,
    ),
    "work_item": (
        "id big, tenant text, entity text, kind text, subject text, difference text, detail document, owner text, "
        "state text, resolution text, reason text, opened_at moment, opened_run big, decision big, "
        "resolved_at moment?, resolved_by text, resolved_run big",
        "id",
        "",
        False,
    ),
}

INDEXES = [  # table, columns, unique, of which rows
    ("late_usage", "event_id", False, ""),
    ("late_usage", "subscription_id", False, ""),
    ("late_usage", "run_id", False, ""),
    ("usage_source", "tenant entity key", True, "current"),
    ("usage_total", "tenant entity source meter day", True, "current"),
    ("work_item", "tenant kind subject", True, "state <> 'resolved'"),
]


def upgrade() -> None:
    """Make the tables and the column."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, (columns, key, unique, clustered) in TABLES.items():
        parts: list[sa.schema.SchemaItem] = []
        for column in columns.split(", "):
            called, word = column.split(" ")
            kind = TYPES[word.rstrip("?")][other]
            parts.append(sa.Column(called, kind, nullable=word.endswith("?"), autoincrement=False))
        parts.append(sa.PrimaryKeyConstraint(*key.split(" "), name=f"pk_{name}"))
        if unique:
            parts.append(sa.UniqueConstraint(*unique.split(" "), name=f"uq_{name}_{unique.replace(' ', '_')}"))
        op.create_table(name, *parts, sqlite_strict=True, sqlite_with_rowid=not clustered)
    for name, columns, unique_rows, where in INDEXES:
        rows = sa.text(where) if where else None
        op.create_index(
            f"ix_{name}_{columns.replace(' ', '_')}",
            name,
            columns.split(" "),
            unique=unique_rows,
            sqlite_where=rows,
            postgresql_where=rows,
        )
    op.add_column("billing_mark", sa.Column("billed_on", TYPES["day"][other], nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("billing_mark", "billed_on")
    for name in reversed(TABLES):
        op.drop_table(name)
