"""The checks of the close by what they are about; each file lists its own in ``CHECKS``."""
