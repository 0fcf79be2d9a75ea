"""What is read from the books, one file a department."""
