"""Adapter ``delivery_edi``: documents as EDIFACT or X12, into a folder or to an SFTP server."""
