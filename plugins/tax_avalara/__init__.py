"""Tax by Avalara AvaTax."""
