"""Deterministic simulation of money in: a month of payments on the real engine, with faults, judged by an independent auditor.

``python -m tests.payments_simulation --seed N``, or ``make simulate-payments SEED=N``.

=============  ===========================================================================================
people         customers drawn from the seed: how they pay, and what becomes of it; the company on disk
story          what they, their banks and the provider of cards do on each day
bank           the bank's own ledger, its statements, the direct debits that it collects
outside        a day of the world outside
office         what people of the company do
acts           commands in the books, that are killed, broken off, made to wait or given twice
money          currencies and their rates
auditor        what the books must say in the end, from what happened outside alone
judge          the comparison
drive          the loop
=============  ===========================================================================================
"""
