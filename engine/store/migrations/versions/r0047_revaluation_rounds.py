"""A day may be revalued again: rows of a revaluation are unique by run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0045"
branch_labels = None
depends_on = None

TABLE = "revaluation"
BEFORE = ("tenant", "entity", "on_day", "account", "customer", "currency")
AFTER = ("run_id", "entity", "account", "customer", "currency")


def upgrade() -> None:
    """Let a day have rows of several runs."""
    _unique(BEFORE, AFTER)
    op.create_index(op.f("ix_revaluation_tenant_on_day"), TABLE, ["tenant", "on_day"])


def downgrade() -> None:
    """Let a day have rows of one run."""
    op.drop_index(op.f("ix_revaluation_tenant_on_day"), TABLE)
    _unique(AFTER, BEFORE)


def _unique(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    """Have other columns be unique.  SQLite keeps the statement that made a table, so that it is made anew there."""
    old, new = (f"uq_{TABLE}_{'_'.join(columns)}" for columns in (before, after))
    bind = op.get_bind()
    if bind.dialect.name != "sqlite":
        op.drop_constraint(op.f(old), TABLE, type_="unique")
        op.create_unique_constraint(op.f(new), TABLE, list(after))
        return
    there = "SELECT sql FROM sqlite_master WHERE tbl_name = :name AND sql IS NOT NULL ORDER BY type DESC"
    made, *indexes = bind.execute(sa.text(there), {"name": TABLE}).scalars()
    op.execute(f"ALTER TABLE {TABLE} RENAME TO {TABLE}_before")
    for name in (
        bind.execute(
            sa.text("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = :name"),
            {"name": f"{TABLE}_before"},
        )
        .scalars()
        .all()
    ):
        op.execute(f"DROP INDEX {name}")
    wanted = made.replace(f"{old} UNIQUE ({', '.join(before)})", f"{new} UNIQUE ({', '.join(after)})")
    op.execute(sa.text(wanted.replace(":", "\\:")))
    op.execute(f"INSERT INTO {TABLE} SELECT * FROM {TABLE}_before")
    op.execute(f"DROP TABLE {TABLE}_before")
    for sql in indexes:
        op.execute(sql)
