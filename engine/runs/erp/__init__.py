"""Posting journal entries to the general ledger of another system, and comparing the two."""
