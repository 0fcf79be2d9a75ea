"""The close of a month: named checks of the books, steps that wait for them, waivers, and the evidence of what was done."""
