"""Dimensions of usage events, meters that look at them, and charges that price by group."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COLUMNS = (  # table, column, type, what it is in rows that are there; None: null
    ("usage_event", "dimensions", "text", None),
    ("meter", "dimensions", "text", None),
    ("meter", "others", "text", sa.text("'report'")),
    ("meter", "dimension", "text", None),
    ("meter", "percentile", "quantity", None),
    ("meter", "expression", "text", None),
    ("meter", "filter", "text", None),
    ("charge", "filter", "text", None),
    ("charge", "group_by", "text", None),
    ("charge", "group_lines", "flag", sa.false()),
    ("invoice_line", "grouped", "text", sa.text("''")),
    ("opening_line", "grouped", "text", sa.text("''")),
)


def upgrade() -> None:
    """Add the columns."""
    other = op.get_bind().dialect.name != "sqlite"
    for table, name, word, given in COLUMNS:
        default = sa.text("0") if word == "flag" and not other else given
        kind = TYPES[word][other]
        op.add_column(table, sa.Column(name, kind, nullable=given is None, server_default=default))


def downgrade() -> None:
    """Drop them."""
    for table, name, *_ in reversed(COLUMNS):
        op.drop_column(table, name)
