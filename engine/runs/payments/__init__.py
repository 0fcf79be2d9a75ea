"""Payments: collected through providers, told, heard of, given back, paid out, and compared with the books."""
