"""Invoices as HTML and JSON files."""
