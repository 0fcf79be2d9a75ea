"""Tools for those who write rules: watch, decision tables, templates, mutation of rules, and what history never used."""
