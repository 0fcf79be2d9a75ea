"""Invoices as documents: rendered, in files, with what the law of the place wants on them."""
