"""Stand-ins of vendors' systems on a loopback address: adapters are developed and tested against them."""
