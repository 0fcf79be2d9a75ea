"""Further books: entries, postings and totals of their own, and how far each is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

TABLES = {
    "book_entry": "id big, tenant text, book text, entity text, kind text, key text, posting_date day, of_entry big, of_day day, text text, "
    "run_id big",
    "book_posting": "entry_id big, number big, tenant text, entity text, account text, currency text, amount amount, "
    "functional_currency text, functional_amount amount, rate rate, rate_source text, rate_on day, line_id big, decision big",
    "book_total": "tenant text, book text, entity text, posting_date day, account text, currency text, entry_id big, amount amount",
    "book_mark": "tenant text, book text, entity text, adjusted day?, closed day?",
}
KEYS = {"book_entry": 1, "book_posting": 2, "book_total": 7, "book_mark": 3}
"""How many columns, from the first one on, are the primary key."""
UNIQUE = ("tenant", "book", "entity", "key")
INDEX = ["tenant", "book", "entity", "of_day"]


def upgrade() -> None:
    """Make the tables."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, words in TABLES.items():
        pairs = [column.split() for column in words.split(", ")]
        more = (
            [sa.UniqueConstraint(*UNIQUE, name=op.f(f"uq_{name}_{'_'.join(UNIQUE)}"))] if name == "book_entry" else []
        )
        op.create_table(
            name,
            *(
                sa.Column(column, TYPES[word.rstrip("?")][other], nullable=word.endswith("?"), autoincrement=False)
                for column, word in pairs
            ),
            sa.PrimaryKeyConstraint(*(column for column, _ in pairs[: KEYS[name]]), name=op.f(f"pk_{name}")),
            *more,
            sqlite_strict=True,
            sqlite_with_rowid=name == "book_entry",
        )
    op.create_index(op.f(f"ix_book_entry_{'_'.join(INDEX)}"), "book_entry", INDEX)


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
