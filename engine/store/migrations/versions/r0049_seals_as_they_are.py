"""Seals of the chain are kept as they are: PostgreSQL looked in vain for what it could compress in their digests."""

from __future__ import annotations

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Compress seals no longer."""
    _store("EXTERNAL")


def downgrade() -> None:
    """Compress them again."""
    _store("EXTENDED")


def _store(how: str) -> None:
    """Say how new values are kept; SQLite compresses nothing."""
    if op.get_bind().dialect.name != "sqlite":
        op.execute(f"ALTER TABLE chain ALTER COLUMN seals SET STORAGE {how}")
