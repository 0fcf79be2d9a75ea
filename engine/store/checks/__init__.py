"""Named checks over the books, one file a department."""
