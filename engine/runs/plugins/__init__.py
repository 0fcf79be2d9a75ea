"""The desk of plug-ins: what is installed, what is wrong with it, scaffolds, contracts, cassettes."""
