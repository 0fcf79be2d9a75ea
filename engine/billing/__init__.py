"""Pure: from subscriptions and usage to rated charges and invoices."""
