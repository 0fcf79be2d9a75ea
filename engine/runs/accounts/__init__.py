"""What accounts owe and have: settlements, credit and debit notes, advances."""
