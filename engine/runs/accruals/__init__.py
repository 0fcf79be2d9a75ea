"""What a month owes before documents say so: accruals of what is delivered and unbilled."""
