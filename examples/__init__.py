"""Companies to try Tollbook with."""
