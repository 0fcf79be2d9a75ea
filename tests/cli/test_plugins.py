"""The verbs of plug-ins, as people see them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import run
from engine.ports.contracts.fakes.vies import Vies
from tests.house.sources import ROOT

CONFIG = """
tenant: {{key: main, name: Main}}
database: {{url: "{url}"}}
rules: {{folders: [{rules}]}}
adapters:
  - {{name: german, port: tax, plugin: ./tax_acme/tax_acme, settings: {{rates: {{DE: 19 %}}}}}}
  - {{name: vies, port: tax_id, plugin: tax_id_vies, settings: {{url: "{vies}"}}}}
  - {{name: stripe, port: psp, plugin: psp_stripe}}
"""


@pytest.fixture
def company(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a new plug-in, a system that is not there, and a secret that is missing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STRIPE_API_KEY", raising=False)
    config = CONFIG.format(url=sqlite_url, rules=ROOT / "rules", vies="http://127.0.0.1:9")
    (tmp_path / "config.yaml").write_text(config)
    assert run(["new-plugin", "tax", "tax_acme"]) == 0
    return tmp_path


def told(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    """Exit code and result of a verb."""
    capfd.readouterr()
    code = run([*words, "--json"])
    return code, json.loads(capfd.readouterr().out)


def test_what_is_installed_and_what_is_wrong_with_it(company: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, rows = told(capfd, "plugins", "list")
    by_name = {row["name"]: row for row in rows}
    assert code == 0 and {"tax_table", "psp_stripe", "cassette", "compute_dask"} <= by_name.keys()
    mine = by_name["tax_acme"]
    assert (mine["ports"], mine["hooks"], mine["adapters"]) == ({"tax": "1.0"}, ["tax_quote"], ["german"])
    (secret, _) = by_name["psp_stripe"]["secrets"]
    assert (secret["variable"], secret["present"]) == ("STRIPE_API_KEY", False)
    assert [row["name"] for row in rows if row["findings"]] == []
    code, one = told(capfd, "plugins", "show", "german")
    assert one["lacks"] and one["settings"][0]["required"]
    assert run(["plugins", "show", "grman"]) == 1
    assert "there is no plug-in or adapter 'grman'" in capfd.readouterr().err


def test_the_doctor_says_what_to_mend(company: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, found = told(capfd, "plugins", "doctor", "--timeout", "1")
    assert code == 1
    findings = {one["adapter"]: [f["code"] for f in one["findings"]] for one in found}
    assert findings == {"german": [], "vies": ["plugin.unreachable"], "stripe": ["plugin.missing-secret"]}
    assert all(f["mend"] for one in found for f in one["findings"])
    with Vies().running() as service:
        config = company / "config.yaml"
        config.write_text(config.read_text().replace("http://127.0.0.1:9", service.url))
        code, (one,) = told(capfd, "plugins", "doctor", "vies")
    assert (code, [step["outcome"] for step in one["steps"]]) == (0, ["good"] * 4)
    assert run(["plugins", "doctor", "viez"]) == 1
    assert "did you mean 'vies'?" in capfd.readouterr().err


def test_a_contract_is_run_and_named_by_clause(company: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plugin = company / "tax_acme" / "tax_acme" / "plugin.py"
    plugin.write_text(plugin.read_text().replace("asked.tax_at(rate)", "asked.amount * rate"))
    test = "tax_acme/tests/test_contract.py::TestTaxAcme::test_every_amount_and_currency_has_a_lawful_answer"
    code, found = told(capfd, "plugins", "test", "german", "--tests", test)
    assert (code, found["counts"]) == (1, {"broken": 1})
    assert found["clauses"][0]["clause"] == "every amount and currency has a lawful answer"
    assert "which is no whole minor unit" in found["clauses"][0]["said"]
    for words, said in ((("tax_table",), "brings no tests"), (("nix",), "there is no plug-in 'nix'")):
        assert run(["plugins", "test", *words]) == 1
        assert said in capfd.readouterr().err
    assert run(["plugins", "test", "tax_acme", "--fail", "dub"]) == 1
    assert "did you mean 'dup'?" in capfd.readouterr().err
    assert run(["new-plugin", "signing", "signing_acme"]) == 0
    test = "signing_acme/tests/test_contract.py::TestSigningAcme"
    capfd.readouterr()
    code, found = told(capfd, "plugins", "test", "signing_acme", "--tests", test, "--fail", "dup")
    assert (code, found["counts"]["not shown"]) == (0, 1) and "answer no calls" in found["clauses"][0]["said"]


def test_there_is_nothing_to_record(company: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, said in (("german", "the request log has no call of adapter 'german'"), ("x", "there is no adapter 'x'")):
        assert run(["plugins", "record", name, "--out", "c.json"]) == 1
        assert said in capfd.readouterr().err
    assert not (company / "c.json").exists()
