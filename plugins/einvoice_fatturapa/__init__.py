"""E-invoices for Italy's exchange system."""
