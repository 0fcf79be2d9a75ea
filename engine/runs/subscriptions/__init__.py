"""What is done with subscriptions that exist: looked at, amended, aligned, renewed, rated again."""
