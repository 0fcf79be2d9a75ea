"""Tax from a table of rates."""
