"""The bill run: what is owed, read, rated, taxed, finished and written; previews of it."""
