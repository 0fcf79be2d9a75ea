"""Files of banks and payment providers, read."""
