"""Drafts that people look at, and conditions that must hold before a run."""
