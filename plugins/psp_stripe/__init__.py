"""Payments by Stripe, on its own library."""
