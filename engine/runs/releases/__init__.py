"""Releases of rules: proposed, agreed to, put in force, rolled back; and everything that one of them touched."""
