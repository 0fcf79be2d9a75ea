"""Which journal entries were posted to the general ledger of another system."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.versions.r0001_first_tables import TYPES

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

DOCUMENT = (
    "id big, tenant text, entity text, key text, adapter text, posting_date day, currency text, functional_currency text, "
    "debit amount, functional_debit amount, entries big, again big"
)
ENTRY = "entry_id big, part big, tenant text, currency text, document_id big, decision big"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "erp_document",
        *_columns(DOCUMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erp_document")),
        sa.UniqueConstraint("tenant", "key", name=op.f("uq_erp_document_tenant_key")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_erp_document_tenant_posting_date"), "erp_document", ["tenant", "posting_date"])
    op.create_table(
        "erp_entry",
        *_columns(ENTRY),
        sa.PrimaryKeyConstraint("entry_id", "part", name=op.f("pk_erp_entry")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_erp_entry_document_id"), "erp_entry", ["document_id"])


def _columns(words: str) -> list[sa.Column[object]]:
    other = op.get_bind().dialect.name != "sqlite"
    pairs = (column.split() for column in words.split(", "))
    return [sa.Column(name, TYPES[word][other], nullable=False, autoincrement=False) for name, word in pairs]


def downgrade() -> None:
    """Drop them."""
    op.drop_table("erp_entry")
    op.drop_table("erp_document")
