"""Coupons, redemptions and values of indexes; what coupons took off a line."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

COLUMNS = (  # table, column, what it is in rows that are there; None: null
    ("subscription_event", "coupon", None),
    ("invoice_line", "discounts", sa.text("''")),
    ("opening_line", "discounts", sa.text("''")),
)
TABLES = {
    "coupon": (
        "id big, tenant text, key text, name text, percent quantity, amount amount, currency text?, cycles big, "
        "valid_from day, valid_to day, charges text, products text, combinable flag, most big",
        ("tenant", "key"),
    ),
    "index_value": ("id big, tenant text, index_key text, month day, value rate", ("tenant", "index_key", "month")),
}


def upgrade() -> None:
    """Make the tables and add the columns."""
    other = op.get_bind().dialect.name != "sqlite"
    for table, (listed, unique) in TABLES.items():
        columns = [
            sa.Column(name, TYPES[word.rstrip("?")][other], nullable=word.endswith("?"), autoincrement=False)
            for name, word in (column.split() for column in listed.split(", "))
        ]
        op.create_table(
            table,
            *columns,
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
            sa.UniqueConstraint(*unique, name=op.f(f"uq_{table}_{'_'.join(unique)}")),
            sqlite_strict=True,
        )
    for table, name, given in COLUMNS:
        op.add_column(table, sa.Column(name, TYPES["text"][other], nullable=given is None, server_default=given))
    where = sa.text("coupon IS NOT NULL")
    name = op.f("ix_subscription_event_tenant_coupon")
    op.create_index(name, "subscription_event", ["tenant", "coupon"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Drop them."""
    op.drop_index(op.f("ix_subscription_event_tenant_coupon"), "subscription_event")
    for table, name, *_ in reversed(COLUMNS):
        op.drop_column(table, name)
    for table in reversed(TABLES):
        op.drop_table(table)
