"""Values of attributes of accounts and subscriptions, and the terms of subscriptions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COLUMNS = "id big, tenant text, entity text, object text, record text, attribute text, valid_from day, value text?"
"""Names and types; a question mark says that the column may be null."""
FOUND_BY = ("tenant", "entity", "object", "record")
TERMS = (
    "id big, tenant text, entity text, subscription text, starts day, ends day, renews flag, renewal_months big, "
    "notice_days big, made_by text?, current flag"
)
KEY = ("tenant", "entity", "subscription", "starts")


def upgrade() -> None:
    """Make the tables."""
    sqlite = op.get_context().dialect.name == "sqlite"
    kinds: dict[str, Any] = {
        "text": sa.Text() if sqlite else sa.Text(collation="C"),
        "big": sa.Integer() if sqlite else sa.BigInteger(),
        "day": sa.Text() if sqlite else sa.Date(),
        "flag": sa.Integer() if sqlite else sa.Boolean(),
    }

    def made(name: str, columns: str) -> None:
        fields = [
            sa.Column(field, kinds[kind.rstrip("?")], nullable=kind.endswith("?"), autoincrement=False)
            for field, kind in (column.split() for column in columns.split(", "))
        ]
        op.create_table(name, *fields, sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")), sqlite_strict=True)

    made("attribute_value", COLUMNS)
    op.create_index(op.f(f"ix_attribute_value_{'_'.join(FOUND_BY)}"), "attribute_value", list(FOUND_BY))
    made("subscription_term", TERMS)
    newest = sa.text("current")
    where: dict[str, Any] = {"sqlite_where": newest, "postgresql_where": newest}
    key = op.f(f"ix_subscription_term_{'_'.join(KEY)}")
    op.create_index(key, "subscription_term", list(KEY), unique=True, **where)
    op.create_index(op.f("ix_subscription_term_tenant_ends"), "subscription_term", ["tenant", "ends"], **where)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("subscription_term")
    op.drop_table("attribute_value")
