"""Signatures with an RSA key, such as those that chain the documents of a series."""
