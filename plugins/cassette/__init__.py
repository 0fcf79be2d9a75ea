"""Answers calls as a cassette has them."""
