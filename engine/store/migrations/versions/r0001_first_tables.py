"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TYPES: dict[str, tuple[Any, Any]] = {  # word: (on SQLite, on PostgreSQL)
    "text": (sa.Text(), sa.Text(collation="C")),
    "big": (sa.Integer(), sa.BigInteger()),
    "flag": (sa.Integer(), sa.Boolean()),
    "amount": (sa.Integer(), sa.Numeric(19, 4)),
    "price": (sa.Integer(), sa.Numeric(19, 9)),
    "quantity": (sa.Integer(), sa.Numeric(19, 6)),
    "rate": (sa.Integer(), sa.Numeric(19, 12)),
    "digits": (sa.Text(), sa.Numeric()),
    "day": (sa.Text(), sa.Date()),
    "moment": (sa.Integer(), sa.DateTime(timezone=True)),
    "document": (sa.Text(), postgresql.JSONB()),
}
"""What the words after column names mean; a question mark says that the column may be null."""

# name: (columns, columns of the primary key, whether SQLite keeps the rows in the primary key)
TABLES: dict[str, tuple[str, str, bool]] = {
    "account": (
        "id big, tenant text, entity text, key text, name text, country text, currency text, zone text, payer text, "
        "parent text?, region text?, segment text, language text, tax_id text?, tax_exempt flag, email text?, address "
        "text, current flag",
        "id",
        False,
    ),
    "accounting_period": (
        "tenant text, entity text, month day, state text",
        "tenant entity month",
        True,
    ),
    "audit": (
        "id big, tenant text, at moment, who text, reason text, action text, subject text, before document?, after "
        "document?, run_id big",
        "id",
        False,
    ),
    "billing_mark": (
        "subscription_id big, billed_to day, events_seen big, usage_seen big",
        "subscription_id",
        True,
    ),
    "charge": (
        "id big, tenant text, plan text, key text, name text, kind text, timing text, months big, meter text?, unit "
        "text, product text, tax_code text, current flag",
        "id",
        False,
    ),
    "contract": (
        "id big, tenant text, entity text, key text, account text, signed_on day, payment_days big, purchase_order "
        "text?, current flag",
        "id",
        False,
    ),
    "contract_line": (
        "id big, tenant text, entity text, contract text, plan text, charge text, unit_price price, currency text, "
        "valid_from day, valid_to day, current flag",
        "id",
        False,
    ),
    "decision": (
        "id big, release text, family text, ruleset text, rule text, file text, line big, parameters document, terms "
        "document",
        "id",
        False,
    ),
    "effect": (
        "id big, tenant text, entity text, port text, kind text, key text, payload document, state text, adapter "
        "text, attempts big, next_at moment?, answer document?, run_id big",
        "id",
        False,
    ),
    "entity": (
        "id big, tenant text, key text, name text, country text, functional_currency text, zone text, address text, "
        "fiscal_year_start big, registrations document, bank_accounts document, current flag",
        "id",
        False,
    ),
    "entry": (
        "id big, tenant text, entity text, kind text, posting_date day, document big, text text, run_id big",
        "id",
        False,
    ),
    "finding": (
        "id big, tenant text, run_id big, code text, level text, subject text, place text, what text, why text, mend "
        "text, at moment",
        "id",
        False,
    ),
    "fx_rate": (
        "id big, tenant text, base text, quote text, on_day day, rate rate, source text",
        "id",
        False,
    ),
    "gl_account": (
        "id big, tenant text, code text, name text, kind text, current flag",
        "id",
        False,
    ),
    "id_block": (
        "name text, next big",
        "name",
        True,
    ),
    "intake_file": (
        "id big, tenant text, name text, sha256 text, loaded big, quarantined big, at moment",
        "id",
        False,
    ),
    "invoice": (
        "id big, tenant text, entity text, kind text, series text, sequence big, number text, payer text, payer_id "
        "big, currency text, invoice_date day, tax_point day, due_date day, purchase_order text, period text, "
        "group_key text, net amount, tax amount, total amount, functional_currency text, functional_total amount, "
        "rate rate, rate_source text, rate_on day, draft_decision big, numbering_decision big, run_id big",
        "id",
        False,
    ),
    "invoice_line": (
        "id big, invoice_id big, number big, tenant text, entity text, account text, account_id big, subscription_id "
        "big, subscription text, contract text, contract_line_id big, plan text, charge text, charge_id big, kind "
        "text, text text, product text, tax_code text, service_from day, service_to day, cycle_from day, cycle_to "
        "day, currency text, quantity quantity, full digits, share text, amount amount, decision big, proration big, "
        "credits big, usage_after big, usage_to big, events big, tax_rate rate, tax_amount amount, tax_category text, "
        "tax_jurisdiction text, tax_source text, tax_reason text, tax_decision big",
        "id",
        False,
    ),
    "meter": (
        "id big, tenant text, key text, unit text, aggregation text, current flag",
        "id",
        False,
    ),
    "partition": (
        "run_id big, number big, entity text, low text, high text, state text, summary document, finished_at moment?",
        "run_id number",
        True,
    ),
    "plan": (
        "id big, tenant text, key text, name text, current flag",
        "id",
        False,
    ),
    "posting": (
        "entry_id big, number big, tenant text, entity text, account text, currency text, amount amount, "
        "functional_currency text, functional_amount amount, rate rate, rate_source text, rate_on day, line_id big, "
        "decision big",
        "entry_id number",
        True,
    ),
    "release": (
        "hash text, tenant text, created_at moment, who text, reason text, manifest document",
        "hash tenant",
        False,
    ),
    "rule_file": (
        "sha256 text, content text",
        "sha256",
        False,
    ),
    "run": (
        "id big, tenant text, kind text, period text, scope text, release text, state text, started_at moment, "
        "finished_at moment?, who text, reason text, parameters document, summary document",
        "id",
        False,
    ),
    "series": (
        "tenant text, entity text, series text, next big, last_date day?",
        "tenant entity series",
        True,
    ),
    "subscription": (
        "id big, tenant text, entity text, key text, account text, contract text?, anchor_day big",
        "id",
        False,
    ),
    "subscription_event": (
        "id big, tenant text, entity text, subscription_id big, key text, kind text, on_day day, plan text?, quantity "
        "quantity?",
        "id",
        False,
    ),
    "usage_day": (
        "subscription_id big, day day, meter text, quantity quantity, peak quantity, events big, last_id big",
        "subscription_id day meter",
        True,
    ),
    "usage_event": (
        "id big, tenant text, entity text, source text, key text, subscription_id big, meter text, at moment, day "
        "day, quantity quantity",
        "id",
        False,
    ),
    "watermark": (
        "tenant text, name text, value big",
        "tenant name",
        True,
    ),
}

NATURAL_KEYS = [
    ("effect", "tenant port key"),
    ("entry", "document kind tenant entity"),
    ("fx_rate", "tenant source base quote on_day"),
    ("invoice", "tenant entity payer period kind group_key"),
    ("invoice", "tenant entity series sequence"),
    ("invoice", "tenant entity number"),
    ("run", "tenant kind period scope"),
    ("subscription", "tenant entity key"),
    ("subscription_event", "subscription_id key"),
    ("usage_event", "tenant entity source key"),
]

INDEXES = [  # table, columns, unique, of which rows
    ("account", "tenant entity key", True, "current"),
    ("account", "tenant entity payer", False, "current"),
    ("audit", "tenant subject", False, ""),
    ("charge", "tenant plan key", True, "current"),
    ("contract", "tenant entity account", False, "current"),
    ("contract", "tenant entity key", True, "current"),
    ("contract_line", "tenant entity contract plan charge valid_from", True, "current"),
    ("effect", "tenant port id", False, "state = 'pending'"),
    ("entity", "tenant key", True, "current"),
    ("finding", "run_id", False, ""),
    ("gl_account", "tenant code", True, "current"),
    ("invoice_line", "credits", False, "credits <> 0"),
    ("invoice_line", "invoice_id", False, ""),
    ("invoice_line", "subscription_id service_to", False, ""),
    ("meter", "tenant key", True, "current"),
    ("plan", "tenant key", True, "current"),
    ("subscription", "tenant entity account", False, ""),
    ("usage_day", "subscription_id last_id", False, ""),
    ("usage_event", "subscription_id day meter", False, ""),
]


def upgrade() -> None:
    """Make the tables."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, (columns, key, clustered) in TABLES.items():
        parts: list[sa.schema.SchemaItem] = []
        for column in columns.split(", "):
            called, word = column.split(" ")
            parts.append(
                sa.Column(called, TYPES[word.rstrip("?")][other], nullable=word.endswith("?"), autoincrement=False)
            )
        parts.append(sa.PrimaryKeyConstraint(*key.split(" "), name=f"pk_{name}"))
        for table, unique in NATURAL_KEYS:
            if table == name:
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


def downgrade() -> None:
    """Drop the tables."""
    for name in reversed(TABLES):
        op.drop_table(name)
