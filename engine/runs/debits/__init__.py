"""Mandates and direct debits: what is kept of them, what is collected, what banks say of it."""
