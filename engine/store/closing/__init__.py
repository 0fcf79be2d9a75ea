"""What the close of a month asks of the books: one set-based query each, of one legal entity and up to one day."""
