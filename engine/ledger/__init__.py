"""Pure: double-entry postings, balances and named checks."""
