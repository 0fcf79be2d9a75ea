"""What closed months would have come to by other rules: replayed on a snapshot of the books, compared in money, told as a report."""
