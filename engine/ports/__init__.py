"""Where plug-ins attach: the contract, the manifest, the host."""
