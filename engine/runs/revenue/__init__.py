"""What is recognised month by month: sources of what is due, the run that posts it, and the desk."""
