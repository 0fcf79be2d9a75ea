"""What knows nothing of billing: errors, money, periods, YAML with positions."""
