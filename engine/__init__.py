"""Tollbook: a rules-driven billing engine.  Rooms and what may import what: docs/concepts/house.md."""
