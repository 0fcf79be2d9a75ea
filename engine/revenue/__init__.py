"""Pure: when what was invoiced is earned."""
