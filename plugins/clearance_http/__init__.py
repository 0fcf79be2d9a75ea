"""Documents to an authority, or to a provider that stands before it, as JSON over HTTP."""
