"""Systems of vendors on a loopback address, as faithful as the adapters' tests need them."""
