"""Stewardship: changes of master data that count only once the person who answers for them has confirmed them."""
