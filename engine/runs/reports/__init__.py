"""What the ledger and its subledgers come to: ageing, balances, ties, allowances, and what legal entities owe one another."""
