"""E-invoices by EN 16931."""
