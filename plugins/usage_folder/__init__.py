"""Usage from files in a folder."""
