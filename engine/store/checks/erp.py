"""A check of what was posted to the general ledger of another system."""

from __future__ import annotations

from engine.base.errors import Code, Finding, Where
from engine.store.reader import Reader

DIFFERS = Code("erp.differs", "A document for another system that is not what its entries come to.")


def erp_ties(reader: Reader, tenant: str) -> list[Finding]:
    """The debits of every document that was posted elsewhere are those of its entries, in both currencies."""
    return [
        Finding(
            DIFFERS,
            Where(f"erp/{row[0]}"),
            f"document {row[0]} was posted with debits of {row[1]} ({row[2]} functional), its entries have {row[3]} ({row[4]})",
            why="what was posted never changes, nor do entries",
            mend="find what changed them, and restore the books",
            subject=f"erp/{row[0]}",
        )
        for row in reader.erp_debits(tenant)
    ]
