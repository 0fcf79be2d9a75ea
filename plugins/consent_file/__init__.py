"""Consents of customers from a file or over HTTP."""
