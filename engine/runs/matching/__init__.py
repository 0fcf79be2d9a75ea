"""Matching files of payments with files of open documents; the books are not needed."""
