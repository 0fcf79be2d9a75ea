"""The pytest plug-in of the kit: ``pytest -p engine.ports.contracts.kit``.

``--fail timeout,dup,...`` adds clauses about trouble on the way; ``--replay FILE`` names the cassette whose clauses are
run (:mod:`engine.ports.contracts.replaying`); ``--clauses FILE``
writes the outcome of each clause as JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from engine.ports.contracts.clauses import Contract
from engine.ports.contracts.trouble import add
from engine.ports.kit.troubles import EVERY, TROUBLES, words

RESULTS: Final = pytest.StashKey[list[dict[str, Any]]]()
NO_WAY: Final = "plug-ins of this port give functions and answer no calls, so there is no way to disturb"
WORDS: Final = {"passed": "kept", "failed": "broken", "skipped": "not shown"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the kit."""
    group = parser.getgroup("tollbook", "contracts of Tollbook's ports")
    group.addoption("--fail", default="", metavar="LIST", help=f"trouble on the way: {','.join(TROUBLES)} or {EVERY}")
    group.addoption("--replay", default="", metavar="FILE", help="the cassette whose clauses are run")
    group.addoption("--clauses", default="", metavar="FILE", help="write the outcome of each clause as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Add what was asked for."""
    config.stash[RESULTS] = []
    chosen = words(config.getoption("--fail"))
    unknown = [word for word in chosen if word not in TROUBLES]
    if unknown:
        raise pytest.UsageError(f"--fail {unknown[0]!r} is none of {', '.join(TROUBLES)}, {EVERY}")
    if chosen:
        add(chosen)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Say of which contracts no trouble can be shown, where it was asked for."""
    if not session.config.getoption("--fail"):
        return
    classes = (item.cls for item in session.items if isinstance(item, pytest.Function) and item.cls is not None)
    for cls in dict.fromkeys(classes):
        if not issubclass(cls, Contract):
            row = {"clause": "trouble on the way", "outcome": "not shown", "seconds": 0.0, "said": NO_WAY}
            session.config.stash[RESULTS].append({"contract": cls.__name__, **row})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Keep the outcome of a clause."""
    report: pytest.TestReport = yield
    if report.when == "call" or report.outcome != "passed":
        said = "" if report.outcome == "passed" else _said(report)
        name, _, case = item.name.removeprefix("test_").removesuffix("]").partition("[")
        clause = name.replace("_", " ") + (f": {case}" if case else "")
        row = {"clause": clause, "outcome": WORDS[report.outcome], "seconds": round(report.duration, 3), "said": said}
        item.config.stash[RESULTS].append({"contract": item.nodeid.split("::")[-2], **row})
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the outcomes."""
    if session.config.getoption("--clauses"):
        text = json.dumps(session.config.stash[RESULTS], indent=2, ensure_ascii=False)
        Path(session.config.getoption("--clauses")).write_text(text, encoding="utf-8")


def _said(report: pytest.TestReport) -> str:
    """Why a clause was broken or is not shown, on one line."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr).strip().split("\n")[0]
