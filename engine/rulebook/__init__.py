"""The rule language: load, check, type, compile, decide."""
