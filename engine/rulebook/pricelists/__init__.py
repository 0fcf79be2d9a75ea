"""Price lists of other systems as catalogue files and pricing rules of ours: Stripe, Kill Bill, Lago."""
