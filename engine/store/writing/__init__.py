"""What is written into the books, one file a department."""
