"""What revenue is to be expected of what is deferred, and what discounts and credits have cost of it."""
