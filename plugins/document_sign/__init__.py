"""PDF documents with a signature."""
