"""Journal documents as files."""
