"""Parameters of rules: listed, tried over closed months as a curve, proposed with a band, and watched once they are set."""
