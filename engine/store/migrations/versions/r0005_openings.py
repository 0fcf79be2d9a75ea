"""What came over from the system that billed before, and the subledgers that its balances open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# name: (columns, columns of the primary key, whether SQLite keeps the rows in the primary key)
TABLES: dict[str, tuple[str, str, bool]] = {
    "billed_through": (
        "id big, tenant text, entity text, subscription_id big, charge text, kind text, billed_to day, cutover text",
        "id",
        False,
    ),
    "cash_on_account": (
        "id big, tenant text, entity text, key text, account text, value_date day, currency text, amount "
        "amount, functional_currency text, functional_amount amount, cutover text",
        "id",
        False,
    ),
    "cutover": (
        "id big, tenant text, entity text, key text, first_day day, source text",
        "id",
        False,
    ),
    "deferral": (
        "id big, tenant text, entity text, key text, account text, contract text, subscription text, product "
        "text, currency text, amount amount, functional_currency text, functional_amount amount, service_from"
        " day, service_to day, cutover text",
        "id",
        False,
    ),
    "opening_balance": (
        "id big, tenant text, entity text, cutover text, account text, currency text, amount amount, "
        "functional_amount amount",
        "id",
        False,
    ),
    "opening_line": (
        "id big, tenant text, entity text, key text, cutover text, document text, document_date day, account "
        "text, account_id big, subscription_id big, subscription text, contract text, contract_line_id big, "
        "plan text, charge text, charge_id big, kind text, text text, product text, tax_code text, "
        "service_from day, service_to day, cycle_from day, cycle_to day, currency text, quantity quantity, "
        "full digits, share text, amount amount, decision big, proration big, credits big, usage_after big, "
        "usage_to big, events big, tax_rate rate, tax_amount amount, tax_category text, tax_jurisdiction "
        "text, tax_reason text, functional_currency text, rate rate",
        "id",
        False,
    ),
    "opening_mark": (
        "subscription_id big, tenant text, entity text, cutover text, first_day day, events_seen big, usage_seen big",
        "subscription_id",
        True,
    ),
    "opening_number": (
        "id big, tenant text, entity text, series text, last_number big, last_date day, cutover text",
        "id",
        False,
    ),
    "receivable": (
        "id big, tenant text, entity text, number text, account text, kind text, document_date day, due_date "
        "day, currency text, original amount, amount amount, functional_currency text, functional_amount "
        "amount, cutover text",
        "id",
        False,
    ),
    "wallet_lot": (
        "id big, tenant text, entity text, key text, account text, granted_on day, expires_on day, priority "
        "big, currency text, granted amount, amount amount, functional_currency text, functional_amount "
        "amount, cutover text",
        "id",
        False,
    ),
}

NATURAL_KEYS = [
    ("billed_through", "subscription_id charge"),
    ("cash_on_account", "tenant entity key"),
    ("cutover", "tenant entity key"),
    ("deferral", "tenant entity key"),
    ("opening_balance", "tenant entity cutover account currency"),
    ("opening_line", "tenant entity key"),
    ("opening_number", "tenant entity series"),
    ("receivable", "tenant entity number"),
    ("wallet_lot", "tenant entity key"),
]

INDEXES = [  # table, columns, of which rows
    ("cash_on_account", "tenant entity account", ""),
    ("deferral", "tenant entity account", ""),
    ("opening_line", "credits", "credits <> 0"),
    ("opening_line", "subscription_id service_to", ""),
    ("receivable", "tenant entity account", ""),
    ("wallet_lot", "tenant entity account", ""),
]


def upgrade() -> None:
    """Make the tables."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, (columns, key, clustered) in TABLES.items():
        parts: list[sa.schema.SchemaItem] = []
        for column in columns.split(", "):
            called, word = column.split(" ")
            parts.append(sa.Column(called, TYPES[word][other], nullable=False, autoincrement=False))
        parts.append(sa.PrimaryKeyConstraint(*key.split(" "), name=f"pk_{name}"))
        for table, unique in NATURAL_KEYS:
            if table == name:
                parts.append(sa.UniqueConstraint(*unique.split(" "), name=f"uq_{name}_{unique.replace(' ', '_')}"))
        op.create_table(name, *parts, sqlite_strict=True, sqlite_with_rowid=not clustered)
    for name, columns, where in INDEXES:
        rows = sa.text(where) if where else None
        op.create_index(
            f"ix_{name}_{columns.replace(' ', '_')}",
            name,
            columns.split(" "),
            sqlite_where=rows,
            postgresql_where=rows,
        )


def downgrade() -> None:
    """Drop the tables."""
    for name in reversed(TABLES):
        op.drop_table(name)
