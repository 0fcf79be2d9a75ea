"""Prepaid credit: grants, draws, expiry."""
