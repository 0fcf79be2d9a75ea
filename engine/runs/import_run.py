"""The import run: a folder of files into the books, in an order in which everything that is named is there first.

Whatever is wrong becomes a finding, everything else is loaded.  Records are known by their natural keys and every chunk
is a transaction of its own, so the same import again goes on where one was interrupted, and changes nothing else.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.model.journal import Change
from engine.runs.intake import (
    acceptances,
    attributes,
    balances,
    control_totals,
    events,
    masters,
    opening_numbers,
    openings,
    revenue_contracts,
    usage,
    wallets,
)
from engine.runs.intake.formats import FORMATS, SUFFIXES, Format, suffix_of
from engine.runs.intake.session import FileReport, Progress, Session, Source
from engine.runs.run import Rules
from engine.store.books import Books
from engine.store.records import Run
from engine.store.session import checked_change

NO_FOLDER = Code("intake.no-folder", "A folder to import that is not there or cannot be read.")
NOTHING_TO_READ = Code("intake.nothing-to-read", "A folder without a single file that an import reads.")
UNKNOWN_FILE = Code("intake.unknown-file", "A file whose name begins with no kind of import file; it is not read.")
UNKNOWN_SUFFIX = Code("intake.unknown-suffix", "A file of a known kind whose name ends otherwise than import files do.")

MANY: Final = 1_000
"""New records after which the database looks at how full its tables are."""

Load = Callable[[Session, Format, Sequence[Source]], None]

_LOADERS: Final[Mapping[str, Load]] = {
    "attribute_values": attributes.load,
    "subscription_events": events.load,
    "acceptances": acceptances.load,
    "usage": usage.load,
    "usage_reversals": usage.load_reversals,
    "opening_lines": openings.load,
    "billed_through": openings.load,
    "opening_receivables": balances.load,
    "opening_cash": balances.load,
    "opening_wallets": balances.load,
    "opening_deferred": balances.load,
    "opening_numbers": opening_numbers.load,
    "opening_balances": control_totals.load,
    "wallet_grants": wallets.load,
    "revenue_contracts": revenue_contracts.load,
    "revenue_contract_events": revenue_contracts.load_events,
}
"""How kinds are loaded that are not masters."""


class ImportReport(msgspec.Struct, frozen=True):
    """What an import did.

    ``state`` is ``done``, or ``unchanged`` where the books said everything already; then ``run_id`` is that of the
    import of the same content that is in the books, 0 where there is none.  ``counts`` are sums over the files.
    """

    run_id: int
    state: str
    files: tuple[FileReport, ...]
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]
    seconds: Mapping[str, float]

    @property
    def refused(self) -> bool:
        """Whether a file was refused whole."""
        return any(file.refused for file in self.files)


def _silent(step: str, done: int, total: int) -> None:
    pass


def run_import(
    books: Books,
    tenant: str,
    folder: Path,
    change: Change,
    today: date,
    progress: Progress = _silent,
    rules: Callable[[], Rules] | None = None,
) -> ImportReport:
    """Import every file of a folder whose name begins with a kind of :data:`~engine.runs.intake.formats.FORMATS`.

    ``today`` is the business date that days and instants are bounded by; ``rules`` gives the rule book, which is asked for
    only where balances are brought over.

    Raises:
        TollbookError: ``intake.no-folder``, ``intake.nothing-to-read``, ``change.no-person``, ``change.no-reason``.
    """
    checked_change(change)
    sources, findings = find_sources(folder)
    if not sources:
        what, endings = f"{folder.name} has no file to import", " or ".join(SUFFIXES)
        why = f"files are named after what they hold: {', '.join(FORMATS)}, with the ending {endings}"
        mend = "look whether this is the folder that was meant"
        raise TollbookError([Finding(NOTHING_TO_READ, Where(str(folder)), what, why, mend), *findings])
    session = Session(books, tenant, change, today, _label(folder, sources), progress, rules)
    by_kind: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        by_kind[source.form.kind].append(source)
    for kind, form in FORMATS.items():
        if by_kind[kind]:
            if kind == "usage" and sum(tally.new for tally in session.tallies) > MANY:
                books.refresh_statistics()  # finding subscriptions as if they had not come takes ages
            with session.timed(kind):
                _LOADERS.get(kind, masters.load)(session, form, by_kind[kind])
    if sum(tally.new for tally in session.tallies) > MANY:
        books.refresh_statistics()  # whoever comes next finds what is new by plans that know how much it is
    if by_kind["subscriptions"]:
        events.without_start(session, by_kind["subscriptions"])
    findings += openings.left_out(session)
    for tally in session.tallies:
        findings += tally.all_findings()
    return _finish(session, findings)


def find_sources(folder: Path) -> tuple[list[Source], list[Finding]]:
    """The files of a folder in the order in which they are loaded, and findings for those that only look like it.

    Raises:
        TollbookError: ``intake.no-folder``.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        mend = "name a folder that can be read"
        raise refuse(NO_FOLDER, f"{folder}: {error.strerror}", mend=mend, where=Where(str(folder))) from None
    sources, findings = [], []
    for path in paths:
        kind, suffix = path.name.split(".")[0].split("-")[0], suffix_of(path)
        if kind in FORMATS and suffix in SUFFIXES:
            sources.append(_source(path, FORMATS[kind]))
        elif kind in FORMATS:
            what, mend = f"{path.name} is not read", f"deliver it with the ending {' or '.join(SUFFIXES)}"
            findings.append(Finding(UNKNOWN_SUFFIX, Where(path.name), what, "", mend, "warning"))
        elif suffix in SUFFIXES:
            what, why = f"{path.name} is not read", "its name begins with no kind of import file"
            findings.append(Finding(UNKNOWN_FILE, Where(path.name), what, why, did_you_mean(kind, FORMATS), "warning"))
    order = list(FORMATS)
    return sorted(sources, key=lambda source: (order.index(source.form.kind), source.path.stem, source.name)), findings


def _source(path: Path, form: Format) -> Source:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        digest = ""  # reading it for its rows says why
    return Source(form, path, path.name, path.stat().st_size, digest)


def _label(folder: Path, sources: Sequence[Source]) -> str:
    """A name for the content of a folder: the same files with the same content have the same name."""
    content = "\n".join(f"{source.name} {source.sha256}" for source in sources)
    return f"{folder.resolve().name}:{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def _finish(session: Session, findings: Sequence[Finding]) -> ImportReport:
    """Keep findings and counts with the run, unless nothing is new since the same content was imported to the end."""
    files = tuple(tally.report() for tally in session.tallies)
    names = ("rows", "new", "changed", "same", "quarantined")
    counts = {name: sum(getattr(file, name) for file in files) for name in names}
    counts["findings"] = len(findings)
    seconds = {step: round(value, 3) for step, value in session.seconds.items()}
    if not session.run_id and not _imports(session, "running"):
        earlier = next(iter(_imports(session, "done")), None)
        if not findings or (earlier and _told(session, earlier) == _counted(findings)):
            return ImportReport(earlier.id if earlier else 0, "unchanged", files, counts, tuple(findings), seconds)
    with session.books.writer(session.change, session.run_id, session.tenant) as writer:
        run_id = writer.run_id = session.run_id or session.start(writer)
        writer.add_findings(session.tenant, findings)
        for tally in session.tallies:
            source, loaded = tally.source, tally.new + tally.changed + tally.same
            writer.note_intake(session.tenant, source.name, source.sha256, loaded, tally.quarantined)
        writer.finish_run(run_id, {"counts": counts, "seconds": seconds, "files": msgspec.to_builtins(files)})
    return ImportReport(run_id, "done", files, counts, tuple(findings), seconds)


def _imports(session: Session, state: str) -> list[Run]:
    """Imports of the same content in a state, the newest first; one that is ``running`` was interrupted."""
    with session.books.reader() as reader:
        runs = reader.runs(session.tenant, 10_000)
    return [r for r in runs if (r.kind, r.state) == ("import", state) and r.scope.rpartition("#")[0] == session.label]


def _told(session: Session, run: Run) -> Counter[tuple[str, str, str]]:
    """What a run found."""
    with session.books.reader() as reader:
        return _counted(reader.findings(session.tenant, run.id))


def _counted(findings: Sequence[Finding]) -> Counter[tuple[str, str, str]]:
    return Counter((str(finding.code), str(finding.where), finding.what) for finding in findings)
