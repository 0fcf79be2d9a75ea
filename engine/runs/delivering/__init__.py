"""The outbox told to delivery adapters, and what came of it."""
