"""Money that comes in: bank statements are booked, their entries matched with what is open, applied, or looked at by people."""
