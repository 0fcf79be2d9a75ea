"""What the steps of an import share: where they write, under which run, and what they report of each file."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, refuse
from engine.model.journal import Change
from engine.runs.intake.columns import Block, Quick, block_of
from engine.runs.intake.columns import Good as Good
from engine.runs.intake.dimensions import fold
from engine.runs.intake.formats import Format
from engine.runs.intake.reading import UNREADABLE, Broken, Table, open_table
from engine.runs.intake.rows import Rules, check_header, read_row, unknown_column
from engine.runs.run import Rules as Rulebook
from engine.store.books import Books
from engine.store.records import Outcome
from engine.store.writer import Writer

MORE_FINDINGS = Code("intake.more-findings", "A file with more findings than are kept; the others are counted by code.")
NO_RULES = Code("cutover.no-rules", "Balances to be brought over in an import that was given no posting rules.")

CHUNK: Final = 20_000
"""Rows that are judged and written at a time."""
FINDINGS_KEPT: Final = 10_000
"""Findings of one file that are kept word by word."""

Progress = Callable[[str, int, int], None]
"""(file, rows done, rows in all as far as can be told): called now and then, must be cheap."""

T = TypeVar("T")


class Source(msgspec.Struct, frozen=True):
    """A file of the folder: its kind, its name in messages, its size in bytes and the digest of its content."""

    form: Format
    path: Path
    name: str
    size: int
    sha256: str


class FileReport(msgspec.Struct, frozen=True):
    """What became of one file.

    ``rows`` were read; ``new``, ``changed`` and ``same`` are in the books, ``quarantined`` are not, with findings;
    ``refused`` says that the file could not be read, or not be read on.
    """

    name: str
    kind: str
    rows: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    quarantined: int = 0
    refused: bool = False


class Tally:
    """Counts and findings of one file while it is worked on."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.rows = self.new = self.changed = self.same = self.quarantined = 0
        self.total: Callable[[int], int] = lambda rows: rows
        self.refused = False
        self.strange: set[str] = set()
        self.findings: list[Finding] = []
        self.beyond: Counter[str] = Counter()

    def note(self, findings: Iterable[Finding]) -> None:
        """Keep findings, or only count them where there are too many."""
        for finding in findings:
            if len(self.findings) < FINDINGS_KEPT:
                self.findings.append(finding)
            else:
                self.beyond[finding.code] += 1

    def refuse_row(self, *findings: Finding) -> None:
        """A row is quarantined, for these reasons."""
        self.quarantined += 1
        self.note(findings)

    def add(self, outcome: Outcome) -> None:
        """Count what became of rows that were written."""
        self.new += outcome.inserted
        self.changed += outcome.changed
        self.same += outcome.same

    def report(self) -> FileReport:
        """The counts."""
        return FileReport(
            self.source.name,
            self.source.form.kind,
            self.rows,
            self.new,
            self.changed,
            self.same,
            self.quarantined,
            self.refused,
        )

    def all_findings(self) -> list[Finding]:
        """The findings in order of line, and a last one for those that were only counted."""
        findings = sorted(self.findings, key=lambda finding: finding.where.line)
        if self.beyond:
            counts = ", ".join(f"{count} {code}" for code, count in sorted(self.beyond.items()))
            what = f"{sum(self.beyond.values())} more findings: {counts}"
            why = f"the first {FINDINGS_KEPT} of a file are kept word by word"
            mend = "mend what is listed, and import again"
            findings.append(Finding(MORE_FINDINGS, Where(self.source.name), what, why, mend, "warning"))
        return findings


class Session:
    """One import: the books, who changes them, and the run that it is written under.

    The run begins with the first write that changes something, in the same transaction, so that an import that changes
    nothing leaves nothing behind.
    """

    def __init__(
        self,
        books: Books,
        tenant: str,
        change: Change,
        today: date,
        label: str,
        progress: Progress,
        rules: Callable[[], Rulebook] | None = None,
    ) -> None:
        self.books, self.tenant, self.change, self.today, self.label = books, tenant, change, today, label
        self.progress, self._rules = progress, rules
        self.run_id = 0
        self.contract_versions: dict[tuple[str, str], int] = {}
        self.tallies: list[Tally] = []
        self.seconds: dict[str, float] = {}

    def rules(self) -> Rulebook:
        """The rules that decide on GL accounts; only a cut-over needs them.

        Raises:
            TollbookError: ``cutover.no-rules``, and whatever is wrong with the rules.
        """
        if self._rules is None:
            raise refuse(NO_RULES, "balances are brought over", mend="give the import the rules that post them")
        return self._rules()

    @property
    def has_rules(self) -> bool:
        """Whether the import was given rules."""
        return self._rules is not None

    def show(self, tally: Tally) -> None:
        """Show how far a file is read."""
        self.progress(tally.source.name, tally.rows, tally.total(tally.rows))

    def tally(self, source: Source) -> Tally:
        """A new tally for a file, kept for the report."""
        tally = Tally(source)
        self.tallies.append(tally)
        return tally

    def write(self, work: Callable[[Writer], Outcome]) -> Outcome:
        """Do ``work`` in one transaction."""
        run_id = self.run_id
        with self.books.writer(self.change, run_id, self.tenant) as writer:
            outcome = work(writer)
            if not run_id and (outcome.inserted or outcome.changed):
                run_id = writer.run_id = self.start(writer)
        self.run_id = run_id
        return outcome

    def start(self, writer: Writer) -> int:
        """The run of this import: the one that was interrupted on the same content, or a new one."""
        number = 1
        for run in writer.reader.runs(self.tenant, 10_000):
            if run.kind == "import" and run.scope.rpartition("#")[0] == self.label:
                if run.state == "running":
                    return run.id
                number = max(number, int(run.scope.rpartition("#")[2]) + 1)
        period = self.today.isoformat()
        return writer.start_run(self.tenant, "import", period, f"{self.label}#{number}", "").id

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the time of a block to ``seconds``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - start


class Refused(TollbookError):
    """A file that cannot be read, or not be read on."""


def good_rows(
    source: Source, rules: Rules, tally: Tally, wanted: Callable[[Any], bool] | None = None
) -> Iterator[Good]:
    """Rows of a file that are right by themselves; the others go to the tally.

    ``wanted`` chooses rows before they are judged: a mapping of texts, or None for a row that cannot be read.

    Raises:
        Refused: the file cannot be read, or not be read on.
    """
    form, name = rules.form, source.name
    try:
        with _opened(source, form, tally, warned=wanted is None or wanted(None)) as table:
            for line, row in table.rows:
                if wanted is None or wanted(row if isinstance(row, dict) else None):
                    good = _judge(rules, row, Where(name, line), tally)
                    if good is not None:
                        yield good
            tally.total = int
    except TollbookError as error:
        raise Refused(error.findings) from error


@contextmanager
def _opened(source: Source, form: Format, tally: Tally, *, warned: bool = True) -> Iterator[Table]:
    """A file whose columns are right."""
    with open_table(source.path, source.name, form.wanted) as table:
        tally.total = table.total
        if table.columns is not None:
            errors, warnings = check_header(form, table.columns, Where(source.name, 1))
            tally.note(warnings if warned else ())
            if errors:
                raise TollbookError(errors)
            tally.strange.update(table.columns)
        yield table


def good_blocks(source: Source, quick: Quick, tally: Tally) -> Iterator[Block]:
    """Rows of a file that are right by themselves, in blocks; the others go to the tally.

    Raises:
        Refused: the file cannot be read, or not be read on.
    """
    form, name = quick.rules.form, source.name
    try:
        with _opened(source, form, tally) as table:
            for chunk in chunks(table.rows, CHUNK):
                block = _alike(quick, chunk, name, tally)
                if block is None:
                    judged = (_judge(quick.rules, row, Where(name, line), tally) for line, row in chunk)
                    block = block_of(form, [good for good in judged if good is not None], name)
                yield block
            tally.total = int
    except TollbookError as error:
        raise Refused(error.findings) from error


def _alike(quick: Quick, chunk: Sequence[tuple[int, dict[str, str] | Broken]], name: str, tally: Tally) -> Block | None:
    """The block of rows that have nothing unusual about them; None where one of them has."""
    lines, rows = zip(*chunk, strict=True)
    if not all(type(row) is dict for row in rows):
        return None
    present = set[str]().union(*rows)
    if quick.rules.form.folds and not present <= quick.rules.form.names:
        for row in rows:
            fold(row)
        present = set[str]().union(*rows)
    if not present <= quick.rules.form.names | tally.strange:
        return None
    columns = {column: [row.get(column, "") for row in rows] for column in present & quick.rules.form.names}
    block = quick.read(columns, lines, name)
    if block is not None:
        tally.rows += len(lines)
    return block


def _judge(rules: Rules, row: dict[str, str] | Broken, where: Where, tally: Tally) -> Good | None:
    """A row with its values; None where it is quarantined."""
    tally.rows += 1
    if isinstance(row, Broken):
        tally.refused = tally.refused or row.code is UNREADABLE
        tally.refuse_row(Finding(row.code, where, row.what, row.why, row.mend))
        return None
    if rules.form.folds and not row.keys() <= rules.form.names:
        fold(row)
    if not row.keys() <= rules.form.names:
        new = row.keys() - rules.form.names - tally.strange
        tally.note(unknown_column(rules.form, column, where) for column in sorted(new))
        tally.strange |= new
    values, findings = read_row(rules, row, where)
    if values is None:
        tally.refuse_row(*findings)
        return None
    if findings:
        tally.note(findings)
    return Good(values, where)


def refused(tally: Tally, error: Refused) -> None:
    """Keep why a file cannot be read."""
    tally.refused = True
    tally.note(error.findings)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Items in lists of at most ``size``."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
