"""Plug-ins are found in folders and among installed distributions, and looking for them runs none of their code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import TollbookError, Where
from engine.ports.discovery import GROUP, SHIPPED, Found, digest, find

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
    answers = {name: host._call(host._named(name), "tax_quote", {"requests": ()}) for name in ("a", "b")}
    assert answers == {"a": ["DE"], "b": ["FR"]}


def test_the_digest_is_of_the_code_and_the_manifest(write_plugin: Any) -> None:
    folder = write_plugin("tax_it", QUOTE)
    before = digest(folder)
    (folder / "README.md").write_text("words")
    assert digest(folder) == before
    (folder / "helper.py").write_text("RATE = 19\n")
    assert digest(folder) != before
