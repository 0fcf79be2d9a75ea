"""Named checks over the books."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from engine.base.errors import Code, Finding, Where, did_you_mean, refuse
from engine.model.numbering import Signer
from engine.store.books import Books
from engine.store.checks import base as checks
from engine.store.reader import Reader

UNKNOWN_CHECK = Code("verify.unknown-check", "A check that does not exist.")
NOT_SIGNED = Code("numbering.not-signed", "A document whose signature was not made with the key of its series.")

SIGNED: Final = "numbers-signed"
"""The check that needs the keys of adapters; all others need the books alone."""

Signers = Callable[[], Mapping[str, Signer]]


def run_checks(
    books: Books, tenant: str, names: Sequence[str], signers: Signers = dict
) -> dict[str, tuple[Finding, ...]]:
    """What each check finds wrong, by name; all checks where no name is given.  ``signers`` gives the keys that series are signed
    with, and is asked only where one is.

    Raises:
        TollbookError: ``verify.unknown-check``.
    """
    known = (*checks.ALL, SIGNED)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise refuse(UNKNOWN_CHECK, f"there is no check {unknown[0]!r}", mend=did_you_mean(unknown[0], known))
    with books.reader() as reader:
        return {
            name: tuple(_signed(reader, tenant, signers) if name == SIGNED else checks.ALL[name](reader, tenant))
            for name in names or known
        }


def _signed(reader: Reader, tenant: str, signers: Signers) -> list[Finding]:
    """Every signature of a series is one of its key over its text."""
    rows = [row for row in reader.marked_series(tenant) if row.signer]
    keys = signers() if rows else {}
    findings = []
    for row in rows:
        key = keys.get(row.signer)
        if key is not None and key.good(row.text, row.signature):
            continue
        what = f"no adapter {row.signer} signs any more" if key is None else "its signature is not one over its text"
        mend = "name it in config.yaml again" if key is None else "find what changed it, and restore the books"
        where = Where(f"invoice/{row.number}")
        findings.append(Finding(NOT_SIGNED, where, f"invoice {row.number}: {what}", mend=mend, subject=str(where)))
    return findings
