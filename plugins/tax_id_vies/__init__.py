"""Tax registration numbers of the European Union, asked about at VIES."""
