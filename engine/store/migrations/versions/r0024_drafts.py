"""What bill runs wait for, drafts that are reviewed, and the purchase orders of customers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TABLES = {
    "run_condition": (
        "id big, tenant text, entity text, period day, scope text, rule text, name text, what text, since moment, "
        "met_at moment?",
        ("tenant", "entity", "period", "scope", "rule"),
    ),
    "condition_waiver": (
        "id big, tenant text, entity text, period day, rule text, name text, what text, waived_by text, reason text, "
        "waived_at moment",
        ("tenant", "entity", "period", "rule", "what"),
    ),
    "draft": (
        "id big, tenant text, entity text, payer text, period day, occasion text, run_id big, usage_seen big, sha256 text, content text, "
        "why text, decision big, opened_at moment, state text, decided_by text, decided_at moment?, reason text, "
        "item big, issued_run big",
        (),
    ),
    "purchase_order": (
        "id big, tenant text, entity text, account text, number text, valid_from day, valid_to day, amount amount?, "
        "currency text, charges text, products text, buyer_reference text, current flag",
        (),
    ),
}
"""Names and types of columns (a question mark says that one may be null), and what is unique in each table."""

PARTS = (
    ("draft", ["tenant", "entity", "payer"], "state IN ('open', 'approved', 'rejected')"),
    ("purchase_order", ["tenant", "entity", "account", "number"], "current"),
)
"""What is unique among some rows of a table."""


def upgrade() -> None:
    """Make the tables."""
    other = op.get_context().dialect.name != "sqlite"
    for table, (listed, natural) in TABLES.items():
        columns = [
            sa.Column(name, TYPES[word.rstrip("?")][other], nullable=word.endswith("?"), autoincrement=False)
            for name, word in (column.split() for column in listed.split(", "))
        ]
        keys = [sa.UniqueConstraint(*natural, name=op.f(f"uq_{table}_{'_'.join(natural)}"))] if natural else []
        op.create_table(
            table, *columns, sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")), *keys, sqlite_strict=True
        )
    for table, natural_key, where in PARTS:
        some = sa.text(where)
        name = op.f(f"ix_{table}_{'_'.join(natural_key)}")
        op.create_index(name, table, natural_key, unique=True, sqlite_where=some, postgresql_where=some)
    _queue("state IN ('queued', 'waiting', 'taken')")
    op.execute("UPDATE run_request SET state = 'waiting' WHERE state = 'queued' AND until IS NOT NULL")
    ordered = sa.text("purchase_order <> ''")
    name = op.f("ix_invoice_tenant_payer_purchase_order")
    parts = ["tenant", "payer", "purchase_order"]
    op.create_index(name, "invoice", parts, sqlite_where=ordered, postgresql_where=ordered)


def _queue(where: str) -> None:
    """Let the index of the queue hold the requests in some states."""
    name = op.f("ix_run_request_tenant_due")
    op.drop_index(name, "run_request")
    some = sa.text(where)
    op.create_index(name, "run_request", ["tenant", "due"], sqlite_where=some, postgresql_where=some)


def downgrade() -> None:
    """Drop them."""
    op.execute("UPDATE run_request SET state = 'queued' WHERE state = 'waiting'")
    _queue("state IN ('queued', 'taken')")
    op.drop_index(op.f("ix_invoice_tenant_payer_purchase_order"), "invoice")
    for table in reversed(TABLES):
        op.drop_table(table)
