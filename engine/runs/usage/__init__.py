"""Usage that comes in: events, files, corrections, control totals."""
