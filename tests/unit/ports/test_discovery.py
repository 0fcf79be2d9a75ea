"""Plug-ins are found in folders and among installed distributions, and looking for them runs none of their code."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import TollbookError, Where
from engine.ports.calling import bounded
from engine.ports.discovery import GROUP, SHIPPED, Found, digest, files_named, find
from engine.ports.masking import Mask

HERE = Where("config.yaml", 3, 5)
QUOTE = "@hookimpl\ndef tax_quote(self, requests):\n    return []\n"


def refused(name: str, home: Path) -> tuple[str, str, str]:
    with pytest.raises(TollbookError) as raised:
        find(name, home, HERE)
    finding = raised.value.findings[0]
    assert finding.where == HERE
    return finding.code, finding.what, finding.mend


def install(site: Path, name: str, package: str) -> Path:
    """A distribution with an entry point, as an installer leaves it; returns the folder of its package."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {package}\n")
    folder = site / package
    folder.mkdir()
    (folder / "__init__.py").write_text("LOADED = True\n")
    return folder


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_shipped_ones_are_found_by_name(tmp_path: Path) -> None:
    assert find("tax_table", tmp_path, HERE) == Found("tax_table", SHIPPED / "tax_table")


def test_folders_beside_the_configuration_are_looked_into(tmp_path: Path, write_plugin: Any) -> None:
    folder = write_plugin("tax_it", QUOTE)
    assert find("tax_it", tmp_path, HERE) == Found("tax_it", folder)


def test_a_name_with_a_slash_is_a_folder(tmp_path: Path, write_plugin: Any) -> None:
    folder = write_plugin("tax_it", QUOTE, folder=tmp_path / "elsewhere")
    assert find("./elsewhere/tax_it", tmp_path, HERE) == Found("tax_it", folder)
    assert find(str(folder), tmp_path, HERE) == Found("tax_it", folder)


def test_installed_ones_are_found_by_entry_point(tmp_path: Path, site: Path, write_plugin: Any, make_host: Any) -> None:
    package = install(site, "tax_installed", "tollbook_tax_installed")
    source = write_plugin("tax_installed", QUOTE, folder=tmp_path / "source")
    for file in ("plugin.yaml", "plugin.py"):
        (package / file).write_text((source / file).read_text())

    assert find("tax_installed", tmp_path, HERE) == Found("tax_installed", package, "tollbook_tax_installed")
    assert "tollbook_tax_installed" not in sys.modules

    host = make_host("- {name: it, port: tax, plugin: tax_installed}\n")
    assert host.versions()["it"].startswith("tax_installed 1.2.3+")
    assert host.ask_tax("it", []) == []


def test_an_entry_point_that_leads_nowhere_is_refused(tmp_path: Path, site: Path) -> None:
    (install(site, "tax_lost", "tollbook_tax_lost") / "__init__.py").unlink()
    (site / "tollbook_tax_lost").rmdir()
    assert refused("tax_lost", tmp_path) == (
        "plugin.broken",
        "the entry point 'tax_lost' names 'tollbook_tax_lost', which is no installed package",
        "its value is the package that holds plugin.yaml",
    )


def test_an_installed_package_without_a_manifest_is_refused(tmp_path: Path, site: Path, make_host: Any) -> None:
    package = install(site, "tax_bare", "tollbook_tax_bare")
    with pytest.raises(TollbookError) as raised:
        make_host("- {name: it, port: tax, plugin: tax_bare}\n")
    assert str(raised.value) == (
        f"{package}/plugin.yaml: error: plug-in 'tax_bare' has no readable plugin.yaml: No such file or directory "
        "[plugin.no-manifest]\n    mend: a plug-in is a folder with a plugin.yaml and the module that it names"
    )


def test_two_of_one_name_are_refused(tmp_path: Path, write_plugin: Any) -> None:
    folder = write_plugin("tax_table", QUOTE)
    assert refused("tax_table", tmp_path) == (
        "plugin.double",
        f"there are 2 plug-ins 'tax_table': {folder}, {SHIPPED / 'tax_table'}",
        "keep one, or name the folder, such as ./plugins/tax_table",
    )


def test_names_of_all_places_are_suggested(tmp_path: Path, site: Path, write_plugin: Any) -> None:
    install(site, "erp_installed", "tollbook_erp_installed")
    write_plugin("crm_folder", QUOTE)
    assert refused("erp_instaled", tmp_path)[2] == "did you mean 'erp_installed'?"
    assert refused("crm_folders", tmp_path)[2] == "did you mean 'crm_folder'?"
    assert refused("tax_tables", tmp_path)[2] == "did you mean 'tax_table'?"


def test_modules_of_a_folder_import_each_other(tmp_path: Path, write_plugin: Any, make_host: Any) -> None:
    for place, answer in (("one", "DE"), ("two", "FR")):
        methods = "from .helper import ANSWER\n@hookimpl\ndef tax_quote(self, requests):\n    return self.ANSWER\n"
        folder = write_plugin("tax_it", methods, folder=tmp_path / place)
        (folder / "helper.py").write_text(f"ANSWER = [{answer!r}]\n")
    host = make_host("- {name: a, port: tax, plugin: ./one/tax_it}\n- {name: b, port: tax, plugin: ./two/tax_it}\n")
    answers = {name: bounded(host._named(name).adapter, "tax_quote", {"requests": ()}, Mask()) for name in ("a", "b")}
    assert answers == {"a": ["DE"], "b": ["FR"]}


def test_the_digest_is_of_every_file_of_the_folder(write_plugin: Any) -> None:
    folder = write_plugin("tax_it", QUOTE)
    seen = [digest(folder)]
    for name in ("rates.csv", "helper.py", "texts/de.yaml", "README.md", "empty"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("" if name == "empty" else "19\n")
        seen.append(digest(folder))
        if name != "empty":
            path.write_text("20\n")
            seen.append(digest(folder))
    (folder / "empty").rename(folder / "renamed")
    seen.append(digest(folder))
    assert len(set(seen)) == len(seen) == 11


def test_what_python_compiled_is_not_in_the_digest(write_plugin: Any) -> None:
    folder = write_plugin("tax_it", QUOTE)
    before = digest(folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "plugin.cpython-311.pyc").write_bytes(b"compiled")
    (folder / "old.pyc").write_bytes(b"compiled")
    assert digest(folder) == before


def test_the_digest_of_settings_is_not_of_their_order(tmp_path: Path) -> None:
    one = digest(tmp_path, {"a": 1, "b": {"c": Decimal("0.19"), "d": None}})
    assert one == digest(tmp_path, {"b": {"d": None, "c": Decimal("0.19")}, "a": 1})
    others = [digest(tmp_path, {"a": value}) for value in (1, "1", Decimal(1), True, None, [1], date(2026, 1, 1))]
    assert len({one, *others}) == 8


def test_files_that_settings_name(tmp_path: Path) -> None:
    for name in ("rates.csv", "log.txt", "pages/de.html", "pages/more/fr.html", "pages/__pycache__/x.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    settings = {
        "table": "rates.csv",
        "tables": {"de": ["none.csv", str(tmp_path / "rates.csv")]},
        "log": "log.txt",
        "pages": "pages",
        "out": "pages",
        "words": ["", "x" * 5000, "a\0b", 7, None, True],
    }
    schema = {"log": {"meta": {"reads": False}}, "pages": {"meta": {"reads": True}}, "words": {"meta": {"reads": True}}}
    assert files_named(settings, schema, tmp_path) == {
        "settings/table": tmp_path / "rates.csv",
        "settings/tables/de/1": tmp_path / "rates.csv",
        "settings/pages/de.html": tmp_path / "pages/de.html",
        "settings/pages/more/fr.html": tmp_path / "pages/more/fr.html",
    }
