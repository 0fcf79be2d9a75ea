"""Further books: what rules and people adjust beside the leading book, and what a book comes to with it."""
