"""Worked numbers of published systems and standards, run through the real engine: ``make vectors DIR=folder``."""
