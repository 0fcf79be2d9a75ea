"""What customers owe and what settles it.  Pure: facts in, results and findings out; never another column."""
