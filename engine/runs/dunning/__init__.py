"""Dunning: who is late is asked to pay, in the steps of a rule; what stands against that; what paying late costs."""
