"""Tax: what adapters and fallback answer, what is trued up, reported and kept with providers."""
