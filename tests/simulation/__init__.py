"""Deterministic simulation: a year of a company on the real engine, with faults, judged by an independent auditor.

``python -m tests.simulation --seed N``; ``docs/concepts/simulation.md`` says what happens in it.

=============  ===========================================================================================
facts          what a company is made of
world          a company drawn from the seed
workload       its story: deliveries of files, price lists, runs and what goes wrong in them
files          the story as settings, rule files and import files
outside        how adapters behave, and what they wrote down (``plugins`` are the adapters)
faults         child processes that are killed, crashes, the wall clock
life, prices   the auditor's own calendar and arithmetic
meters         how it counts usage
coupons        which coupons a charge has, and what they take off
lateness       what it says becomes of late usage
papers         credit notes, debit notes and voids, as asked for and as predicted
auditor, lines what must be billed
judge          the comparison with books and outside world
drive          the loop
=============  ===========================================================================================

Kept outside of the stories, because the engine documents that it bills them otherwise: rules and masters that are changed
in place (``docs/decisions/2026-11-21-net-owed.md``), proration that gives nothing back, tiers that shrink with the share
of a cycle, payers that a rule or a missing exchange rate holds, closed periods.
"""
