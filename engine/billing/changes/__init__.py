"""What a change inside a cycle means in days and money: scales of time, anchors, and what is left of a cycle."""
