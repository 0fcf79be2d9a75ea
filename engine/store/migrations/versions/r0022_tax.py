"""Certificates of exemption, evidence, reporting codes of tax codes, and corrections of tax."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = {
    "exemption": "id big, tenant text, entity text, account text, certificate text, country text, region text, reason text, "
    "tax_codes text, valid_from day, valid_to day, source text, received_on day, current flag",
    "tax_code": "id big, tenant text, key text, name text, reporting_code text",
    "tax_evidence": "id big, tenant text, entity text, account text, key text, kind text, country text, tax_id text, "
    "valid flag, checked_on day, reference text, source text",
    "tax_correction": "id big, tenant text, entity text, line_id big, cause text, reference text, payer text, invoice text, "
    "currency text, net amount, before amount, rate_before rate, category_before text, reason_before text, after amount, "
    "tax_rate rate, tax_category text, tax_jurisdiction text, tax_source text, tax_reason text, tax_decision big, way text, "
    "run_id big, document big",
}
"""Names and types of columns."""

UNIQUE = {
    "tax_code": ("tenant", "key"),
    "tax_evidence": ("tenant", "entity", "account", "key"),
    "tax_correction": ("line_id", "cause", "reference"),
}

INDEXES = (  # table, columns, whether unique, of which rows
    ("exemption", ("tenant", "entity", "account", "certificate"), True, "current"),
    ("tax_correction", ("tenant", "entity", "payer"), False, "document = 0 AND way = 'next_bill'"),
)


def upgrade() -> None:
    """Make the tables."""
    other = op.get_context().dialect.name != "sqlite"
    for name, written in TABLES.items():
        columns = [
            sa.Column(called, TYPES[word][other], nullable=False, autoincrement=False)
            for called, word in (column.split() for column in written.split(", "))
        ]
        natural = UNIQUE.get(name, ())
        keys = [sa.UniqueConstraint(*natural, name=op.f(f"uq_{name}_{'_'.join(natural)}"))] if natural else []
        op.create_table(
            name, *columns, sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")), *keys, sqlite_strict=True
        )
    for name, named, unique, where in INDEXES:
        rows = sa.text(where)
        called = op.f(f"ix_{name}_{'_'.join(named)}")
        op.create_index(called, name, list(named), unique=unique, sqlite_where=rows, postgresql_where=rows)


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
