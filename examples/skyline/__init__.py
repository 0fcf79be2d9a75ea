"""Skyline Cloud & Telecom, a sample company: everything in it is made up, except for the exchange rates."""
