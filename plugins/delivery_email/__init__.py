"""Adapter ``delivery_email``: documents by e-mail."""
