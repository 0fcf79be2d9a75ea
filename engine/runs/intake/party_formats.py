"""Columns of what documents say of those who sell and buy."""

from __future__ import annotations

from typing import Final

from engine.runs.intake.shapes import Column

_PARTY: Final = (
    Column("city", "text", "town of its address", default=""),
    Column("postcode", "text", "postal code of its address", default="", high=20),
    Column("legal_id", "text", "its number in a register of companies", default="", high=50),
    Column("legal_scheme", "text", "which register that is, by ISO 6523: 0106 for the Dutch KVK", default="", high=4),
    Column("endpoint", "text", "where e-invoices reach it, such as a Peppol participant", default="", high=100),
    Column(
        "endpoint_scheme",
        "text",
        "what kind of address that is, by the list EAS: 0088, 0204, 9930, EM",
        default="",
        high=4,
    ),
    Column("contact_name", "text", "person or desk that answers questions", default=""),
    Column("contact_phone", "text", "telephone of that desk", default="", high=50),
    Column("contact_email", "text", "mail address of that desk", default="", high=320),
)
SELLER: Final = (*_PARTY, Column("region", "text", "state or province of its address", default="", high=50))
"""Columns of ``entities``."""
BUYER: Final = (
    *_PARTY,
    Column("reference", "text", "what it wants named on invoices, such as a Leitweg-ID", default=""),
)
"""Columns of ``accounts``."""
