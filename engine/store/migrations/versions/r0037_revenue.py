"""What is earned later than it was invoiced: schedules, plans, happenings, and what was recognised."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

TABLES = {
    "revenue_schedule": "id big, tenant text, entity text, source text, line_id big, takes big, contract text, obligation text, "
    "account text, product text, country text, role text, liability text, currency text, amount amount, functional_currency text, "
    "functional_amount amount, rate rate, rate_source text, rate_on day, service_from day, service_to day, waits text, "
    "decision big, run_id big",
    "revenue_item": "id big, tenant text, entity text, schedule_id big, on_day day, amount amount, billed flag, run_id big",
    "revenue_posted": "id big, tenant text, entity text, schedule_id big, month day, amount amount, functional_amount amount, "
    "entry_id big, run_id big",
    "revenue_event": "id big, tenant text, entity text, key text, line_id big, subscription text, charge text, kind text, on_day day, "
    "quantity quantity, expected quantity?, material quantity, note text, override flag, at moment",
}
UNIQUE = {
    "revenue_schedule": ("tenant", "entity", "source", "line_id", "contract", "obligation"),
    "revenue_posted": ("schedule_id", "month", "entry_id"),
    "revenue_event": ("tenant", "entity", "key"),
}
INDEXES: dict[str, tuple[tuple[str, ...], ...]] = {
    "revenue_schedule": (("line_id",),),
    "revenue_item": (("schedule_id",), ("tenant", "entity", "on_day")),
    "revenue_posted": (("entry_id",),),
    "revenue_event": (("line_id",), ("tenant", "entity", "subscription", "charge")),
}
PARTIAL: tuple[tuple[tuple[str, ...], str], ...] = ((("takes",), "takes <> 0"), (("tenant", "entity"), "waits <> ''"))
"""Of schedules."""
MARK = "tenant text, entity text, through day, items_seen big, events_seen big, schedules_seen big"


def upgrade() -> None:
    """Make the tables."""
    for name, words in TABLES.items():
        unique = UNIQUE.get(name, ())
        natural = [sa.UniqueConstraint(*unique, name=op.f(f"uq_{name}_{'_'.join(unique)}"))] if unique else []
        key = sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}"))
        op.create_table(name, *_columns(words), key, *natural, sqlite_strict=True)
        for columns in INDEXES[name]:
            op.create_index(op.f(f"ix_{name}_{'_'.join(columns)}"), name, list(columns))
    for wanted, condition in PARTIAL:
        some = sa.text(condition)
        made = op.f(f"ix_revenue_schedule_{'_'.join(wanted)}")
        op.create_index(made, "revenue_schedule", list(wanted), sqlite_where=some, postgresql_where=some)
    op.create_table(
        "revenue_mark",
        *_columns(MARK),
        sa.PrimaryKeyConstraint("tenant", "entity", name=op.f("pk_revenue_mark")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _columns(words: str) -> list[sa.Column[object]]:
    other = op.get_bind().dialect.name != "sqlite"
    pairs = (column.split() for column in words.split(", "))
    return [
        sa.Column(name, TYPES[word.rstrip("?")][other], nullable=word.endswith("?"), autoincrement=False)
        for name, word in pairs
    ]


def downgrade() -> None:
    """Drop them."""
    op.drop_table("revenue_mark")
    for name in reversed(TABLES):
        op.drop_table(name)
