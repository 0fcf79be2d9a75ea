"""Disputes: what is told of them, what becomes of their money, and who works them."""
