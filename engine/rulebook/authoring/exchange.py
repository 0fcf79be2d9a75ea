"""Rule files to decision tables and back: what ``tollbook table`` does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from engine.base.document import Document
from engine.base.errors import Code, TollbookError, Where, did_you_mean, refuse
from engine.base.files import whole
from engine.model.decision import Family
from engine.rulebook.attributes import LABEL, read_attributes, with_attributes
from engine.rulebook.authoring.merging import Merge, cell_of, named
from engine.rulebook.authoring.sheets import read_grid, write_grid
from engine.rulebook.authoring.tables import Table, export_rows, read_table, written_file, written_rule
from engine.rulebook.desk import RuleDesk, placed
from engine.rulebook.facttypes import FactType, describe
from engine.rulebook.rulebook import RuleBook, compile_book, places

NO_RULESET = Code("table.no-ruleset", "A table is asked for of a rule set that there is not.")
OTHER_RULESET = Code("table.other-ruleset", "A table is laid into the file of another rule set.")


class Exported(msgspec.Struct, frozen=True):
    """A decision table that was written: of which rule set, where, its rules, and the cases that stay in the rule file."""

    ruleset: str
    file: str
    rules: int
    cases: int


class Imported(msgspec.Struct, frozen=True):
    """What a decision table became: the text of the rule file, where it is, and the rules that are others than before."""

    ruleset: str
    file: str
    text: str
    written: bool
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    moved: bool


class TableDesk:
    """Decision tables of the rules of a desk."""

    def __init__(self, desk: RuleDesk) -> None:
        self.desk = desk

    def _facts(self) -> Mapping[str, FactType]:
        return {name: describe(family.facts) for name, family in self._families().items()}

    def _families(self) -> Mapping[str, Family]:
        files = places(self.desk.roots)
        content = files[LABEL].read_bytes() if LABEL in files else None
        return with_attributes(self.desk.families, read_attributes(content, []))

    def export(self, name: str, to: Path) -> Exported:
        """Writes the decision table of a rule set.

        Raises:
            TollbookError: whatever is wrong with the rule files; ``table.no-ruleset``, ``table.not-expressible``.
        """
        files = places(self.desk.roots)
        documents: dict[str, Document] = {}
        try:
            book = self._book({label: path.read_bytes() for label, path in files.items()}, documents)
            if name not in book.rulesets:
                mend = did_you_mean(name, book.rulesets)
                raise refuse(NO_RULESET, f"there is no rule set {name!r}", mend=mend)
            ruleset = book.rulesets[name]
            facts = describe(book.families[ruleset.family].facts)
            rows = export_rows(ruleset, documents[ruleset.file], facts)
        except TollbookError as error:
            raise TollbookError(placed(error.findings, files)) from None
        write_grid(to, rows, name.replace("/", " "))
        return Exported(name, str(to), len(ruleset.rules), len(ruleset.cases))

    def _book(self, contents: Mapping[str, bytes], documents: dict[str, Document] | None = None) -> RuleBook:
        desk = self.desk
        return compile_book(contents, desk.families, plugins=desk.plugins, lint=False, documents=documents)

    def bring(self, source: Path, into: Path | None, prune: bool = False, dry: bool = False) -> Imported:
        """Makes a rule file of a table, or lays it into the file that exists; nothing is written unless all is right.

        ``into`` is a file, or a folder of rules, in which the file is found by the name of its rule set; nothing is
        written where it is None.

        Raises:
            TollbookError: everything that is wrong with the table, by cell; ``table.would-lose`` and the like.
        """
        table = read_table(read_grid(source), self._facts())
        name = str(table.keys["ruleset"])
        self._judge(table, name)
        target = self._target(into, name)
        if target is None or not target.exists():
            text = written_file(table, table.rows)
            result = Imported(name, str(target or ""), text, False, tuple(row.id for row in table.rows), (), (), False)
            before = None
        else:
            before = target.read_bytes()
            result = self._merged(table, name, target, before, prune)
        if target is None or dry or before == self._encoded(result.text, before):
            return result
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as part:
            part.write_bytes(self._encoded(result.text, before))
        return msgspec.structs.replace(result, written=True)

    @staticmethod
    def _encoded(text: str, before: bytes | None) -> bytes:
        mark = b"\xef\xbb\xbf" if before is not None and before.startswith(b"\xef\xbb\xbf") else b""
        return mark + text.encode()

    @staticmethod
    def _target(into: Path | None, name: str) -> Path | None:
        if into is None or into.suffix in (".yaml", ".yml"):
            return into
        return into / f"{name}.yaml"

    def _beside(self, family: str) -> dict[str, bytes]:
        """Tables and attributes that a rule file may name."""
        files = places(self.desk.roots)
        wanted = [
            label
            for label in files
            if label == LABEL or (label.startswith(f"rules/{family}/") and label[-4:] == ".csv")
        ]
        return {label: files[label].read_bytes() for label in wanted}

    def _judge(self, table: Table, name: str) -> None:
        """Compiles what the table says by itself, so that what is wrong is named by its cell."""
        label = f"rules/{name}.yaml"
        text = written_file(table, ())
        at = text.count("\n") + 1
        lines: dict[int, tuple[int, int]] = {}
        names: dict[int, str] = {}
        for row in table.rows:
            written, about = written_rule(row, most=0)
            for offset, subject in about.items():
                lines[at + offset] = cell_of(table, row, subject)
                names[at + offset] = named(table, row, subject)
            text += "\n".join(written) + "\n"
            at += len(written)
        try:
            self._book({**self._beside(name.partition("/")[0]), label: text.encode()})
        except TollbookError as error:
            findings = []
            for finding in error.findings:
                line = finding.where.line
                if finding.where.file == label and line in lines:
                    what = f"{names[line]}: {finding.what}"
                    finding = msgspec.structs.replace(finding, what=what, where=table.grid.where(*lines[line]))
                elif finding.where.file == label:
                    finding = finding.at(Where(table.grid.file))
                findings.append(finding)
            raise TollbookError(findings) from None

    def _merged(self, table: Table, name: str, target: Path, before: bytes, prune: bool) -> Imported:
        documents: dict[str, Document] = {}
        label = f"rules/{name}.yaml"
        files = {label: target}
        near = self._beside(name.partition("/")[0])
        try:
            book = self._book({**near, label: before}, documents)
        except TollbookError as error:
            raise TollbookError(placed(error.findings, files)) from None
        if name not in book.rulesets:
            what = f"{target} holds {', '.join(book.rulesets) or 'no rule set'}, the table is of {name}"
            raise refuse(OTHER_RULESET, what, mend="name the file of that rule set", where=table.grid.where(0, 1))
        ruleset = book.rulesets[name]
        facts = describe(book.families[ruleset.family].facts)
        try:
            made = Merge(table, documents[label], ruleset, facts).run(prune)
            self._book({**near, label: made.text.encode()})
        except TollbookError as error:
            raise TollbookError(placed(error.findings, files)) from None
        return Imported(name, str(target), made.text, False, made.added, made.changed, made.removed, made.moved)
