"""Cash application problems with a hidden truth: made up from a seed, solved by ``tollbook match``, and scored."""
