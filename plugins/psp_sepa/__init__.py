"""Adapter ``psp_sepa``: direct debits of the SEPA schemes, as files for a bank."""
