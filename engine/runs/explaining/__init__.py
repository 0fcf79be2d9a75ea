"""Walks from an invoice, a line, an event or a posting to what it came from and what followed."""
