"""Contracts at work: pytest in a process of its own, and what it says of each clause."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from engine.base.errors import Code, Where, did_you_mean, refuse
from engine.ports.discovery import SHIPPED, find, known_names
from engine.ports.kit.troubles import EVERY, TROUBLES, words
from engine.ports.manifest import FILE

NO_PYTEST = Code("kit.no-pytest", "A contract or a fake that is to run where pytest is not installed.")
NO_TESTS = Code("kit.no-tests", "A plug-in that brings no tests of its contract.")
CANNOT_TEST = Code("kit.cannot-test", "Tests of a contract that could not be run.")

PLUGIN: Final = "engine.ports.contracts.kit"
"""The pytest plug-in, which only pytest imports."""
REPLAYING: Final = Path(__file__).parents[2] / "ports" / "contracts" / "replaying.py"
"""The clauses of a cassette."""
FAKES: Final = "engine.ports.contracts.fakes"
ENGINE: Final = Path(__file__).parents[3]
"""The folder that has the package ``engine``."""


class Clause(msgspec.Struct, frozen=True):
    """What came of a clause: ``kept``, ``broken`` or ``not shown`` (and why, in ``said``)."""

    contract: str
    clause: str
    outcome: str
    seconds: float
    said: str


def tests_of(name: str, home: Path) -> Path:
    """The tests that a plug-in brings: ``tests`` in its folder, or beside it.  ``name`` is that of a plug-in, or a folder.

    Raises:
        TollbookError: ``kit.no-tests``, ``plugin.not-found``.
    """
    folder = (home / name).resolve()
    if not folder.is_dir() or (name.isidentifier() and not (folder / "tests").is_dir()):
        folder = find(name, home, Where(f"plugin {name}")).folder
    for place in (folder, folder.parent):
        if (place / "tests").is_dir() and any((place / "tests").glob("test_*.py")):
            return place / "tests"
    raise refuse(
        NO_TESTS,
        f"the plug-in {name!r} brings no tests of its contract",
        why=f"there is no folder 'tests' in {str(folder)!r} or beside it",
        mend="name them with --tests FILE; `tollbook new-plugin` writes some for each port",
    )


def run_contract(paths: Sequence[str], folder: Path, fail: str = "", replay: str = "") -> list[Clause]:
    """Run tests of contracts in a folder; what came of each clause.

    Args:
        paths: files, folders or names of tests, as pytest takes them.
        folder: where they run.
        fail: trouble on the way, as the option ``--fail`` of the kit takes it.
        replay: cassette whose clauses are run instead.

    Raises:
        TollbookError: ``kit.no-pytest``, ``kit.cannot-test``.
    """
    need_pytest()
    if wrong := [word for word in words(fail) if word not in TROUBLES]:
        why = f"there are {', '.join(TROUBLES)}, and {EVERY}"
        mend = did_you_mean(wrong[0], (*TROUBLES, EVERY)) or f"such as --fail {TROUBLES[0]},{TROUBLES[1]}"
        raise refuse(CANNOT_TEST, f"{wrong[0]!r} is no trouble that --fail can make", why=why, mend=mend)
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch, "clauses.json")
        command = [sys.executable, "-m", "pytest", "-q", "-p", PLUGIN, "-p", "no:cacheprovider", "--tb=short"]
        command += ["--import-mode=importlib", "--clauses", str(results), "--fail", fail, "--replay", replay]
        paths = [str(REPLAYING)] if replay else paths
        options = ["-c", os.devnull, "--rootdir", str(folder)] if replay else []
        done = subprocess.run(
            [*command, *options, *paths], cwd=folder, env=_environment(), capture_output=True, text=True, check=False
        )
        clauses = msgspec.json.decode(results.read_bytes(), type=list[Clause]) if results.exists() else []
    if done.returncode not in (0, 1) or not clauses:
        said = (done.stderr.strip() or done.stdout.strip()).split("\n")
        raise refuse(CANNOT_TEST, f"the tests cannot be run: {_last(said)}", mend=f"run pytest in {str(folder)!r}")
    return clauses


def run_fake(port: str, vendor: str, number: int, fault: str, as_json: bool = False) -> NoReturn:
    """Become a fake of a vendor's system, which runs until it is interrupted.

    Raises:
        TollbookError: ``kit.no-pytest``.
    """
    need_pytest()
    command = [sys.executable, "-m", FAKES, port, "--vendor", vendor, "--port", str(number), "--fault", fault]
    os.execve(sys.executable, [*command, *(["--json"] if as_json else [])], _environment())


def need_pytest() -> None:
    """Refuse to go on without pytest, which contracts and fakes are written with."""
    if importlib.util.find_spec("pytest") is None:
        raise refuse(NO_PYTEST, "pytest is not installed", mend="install tollbook[contracts]")


def known_plugin(name: str, home: Path) -> str:
    """A hint for a name that no plug-in has."""
    return did_you_mean(name, known_names([home / "plugins", SHIPPED])) or f"a folder with a {FILE}"


def _environment() -> dict[str, str]:
    """The environment of this process, in which the engine can be imported from wherever it is."""
    path = os.pathsep.join(filter(None, [str(ENGINE), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"}


def _last(lines: Sequence[str]) -> str:
    """The line that says most."""
    errors = [line for line in lines if "rror" in line]
    return (errors or [*lines])[-1].strip()[:300]
