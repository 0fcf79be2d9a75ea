"""Partitions of bill runs on a Dask cluster."""
