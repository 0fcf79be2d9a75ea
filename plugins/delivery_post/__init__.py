"""Letters on paper through a vendor that prints and mails."""
