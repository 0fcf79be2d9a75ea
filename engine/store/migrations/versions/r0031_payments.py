"""Methods of payment, payments and their steps, what providers tell and pay out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

# name: (columns, of which may be null, natural key)
TABLES: dict[str, tuple[str, str, str]] = {
    "payment_method": (
        "id big, tenant text, entity text, account text, key text, kind text, provider text, token text, customer text, "
        "currency text, country text, brand text, last4 text, expires day, network_transaction text, rank big, state text, "
        "current flag",
        "expires",
        "",
    ),
    "payment": (
        "id big, tenant text, entity text, account text, key text, kind text, of_payment big, provider text, method text, "
        "token text, currency text, amount amount, day day, items document, told document, digest text, decision big, at moment, "
        "run_id big, state text, step big, attempt big, effect text, provider_id text, charge text, taken amount, code text, "
        "link text, network_transaction text, retry_on day, blocks flag",
        "retry_on",
        "tenant entity key",
    ),
    "payment_step": (
        "id big, tenant text, payment big, step big, state text, at moment, attempt big, effect text, taken amount, code text, "
        "reason text, event text, evidence document, decision big, run_id big",
        "",
        "payment step",
    ),
    "payment_event": (
        "id big, tenant text, provider text, event text, kind text, at moment, payment big, note text, content document, "
        "digest text, heard_at moment",
        "",
        "tenant provider event",
    ),
    "payout": (
        "id big, tenant text, entity text, provider text, key text, currency text, amount amount, gross amount, fees amount, "
        "day day, digest text, at moment, run_id big",
        "",
        "tenant provider key",
    ),
    "payout_line": (
        "id big, tenant text, payout big, provider text, key text, kind text, gross amount, fee amount, net amount, day day, "
        "provider_id text, charge text, payment big",
        "",
        "tenant provider key",
    ),
}

INDEXES = [  # table, columns, of which rows, whether they are a natural key
    ("payment_method", "tenant entity key", "current", True),
    ("payment_method", "tenant entity account", "current", False),
    ("payment", "tenant entity account", "", False),
    ("payment", "tenant provider provider_id", "provider_id <> ''", False),
    ("payment", "tenant provider charge", "charge <> ''", False),
    ("payment", "tenant of_payment", "of_payment <> 0", False),
    ("payment", "tenant state", "state not in ('succeeded', 'failed', 'canceled')", False),
    ("payment", "tenant retry_on", "retry_on is not null", False),
    ("payment_event", "tenant payment", "payment <> 0", False),
    ("payout_line", "payout", "", False),
    ("payout_line", "payment", "payment <> 0", False),
]


def upgrade() -> None:
    """Make the tables."""
    other = op.get_bind().dialect.name != "sqlite"
    for name, (columns, nulls, unique) in TABLES.items():
        parts: list[sa.schema.SchemaItem] = []
        for column in columns.split(", "):
            called, word = column.split(" ")
            null = called in nulls.split(" ")
            parts.append(sa.Column(called, TYPES[word][other], nullable=null, autoincrement=False))
        parts.append(sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")))
        if unique:
            parts.append(sa.UniqueConstraint(*unique.split(" "), name=op.f(f"uq_{name}_{unique.replace(' ', '_')}")))
        op.create_table(name, *parts, sqlite_strict=True)
    for name, columns, where, unique_ in INDEXES:
        rows = sa.text(where) if where else None
        called = op.f(f"ix_{name}_{columns.replace(' ', '_')}")
        op.create_index(called, name, columns.split(" "), unique=unique_, sqlite_where=rows, postgresql_where=rows)


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
