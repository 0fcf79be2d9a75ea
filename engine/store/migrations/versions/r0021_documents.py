"""What documents say of seller and buyer, types of contracts, and the version of the seller that an invoice was issued by."""

from __future__ import annotations

from engine.store.migrations.adding import Added, add_columns, drop_columns

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_PARTICULARS = (
    "city",
    "postcode",
    "legal_id",
    "legal_scheme",
    "endpoint",
    "endpoint_scheme",
    "contact_name",
    "contact_phone",
    "contact_email",
)
COLUMNS: dict[str, tuple[Added, ...]] = {
    "entity": tuple((name, "text", "''") for name in (*_PARTICULARS, "region")),
    "account": tuple((name, "text", "''") for name in (*_PARTICULARS, "reference")),
    "contract": (("type", "text", "''"),),
    "invoice": (("seller_id", "big", None),),
}


def upgrade() -> None:
    """Add the columns."""
    for table, columns in COLUMNS.items():
        add_columns(table, columns)


def downgrade() -> None:
    """Drop them."""
    for table, columns in reversed(COLUMNS.items()):
        drop_columns(table, columns)
