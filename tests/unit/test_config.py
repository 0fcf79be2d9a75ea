"""Settings: what a file means, what ``--set`` and the environment do, who may do what, and the commented file.

What is refused, and with which words, is in ``tests/errors/config``.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from engine import config
from engine.base.document import parse
from engine.base.errors import TollbookError
from engine.config import SETTINGS, VERBS, Config

ROOT = Path(__file__).parents[2]

FULL = """
tenant: {key: acme, name: Acme}
database: {url: sqlite:///books/tollbook.db}
rules: {folders: [base, own]}
adapters:
  - {name: tax, port: tax, plugin: tax_table, settings: {table: rates.csv}, timeout: 3}
  - {name: psp, port: psp, plugin: ./psp, secrets: {key: "${PSP_KEY}"}}
runs: {partition_size: 50, workers: 2}
fx: {max_age_days: 3, source: ECB}
roles: {operator: [import, run], sender: [deliver], auditor: []}
people: {ada: [operator, sender], grace: [auditor], j.doe: [sender]}
schedule:
  - {name: post, run: deliver, cron: 0  8-18/2 * * mon-fri, zone: Europe/Amsterdam, as: ada, reason: the post}
  - {name: check, run: verify, cron: 0 3 * * *, as: grace, reason: nightly check}
scheduler: {lease: 30}
"""


def read(
    folder: Path, text: str, overrides: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
) -> Config:
    for name in ("rules", "base", "own"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(text)
    return config.load(folder / "config.yaml", overrides, environment or {})


def test_an_empty_file_has_every_default(tmp_path: Path) -> None:
    settings = read(tmp_path, "")
    assert settings.folder == tmp_path
    assert (settings.tenant.key, settings.tenant.name) == ("main", "Main")
    assert settings.database.url == f"sqlite:///{tmp_path}/tollbook.db"
    assert settings.rules.folders == (tmp_path / "rules",)
    assert settings.adapters == ()
    assert (settings.runs.partition_size, settings.runs.workers) == (500, 0)
    assert (settings.fx.max_age_days, settings.fx.source) == (7, "ECB")
    assert settings.roles == {
        "operator": frozenset(VERBS) - {"adjust", "approve"},
        "controller": {"close", "adjust", "approve"},
        "auditor": frozenset(),
    }
    assert settings.people == {}
    assert (settings.approvals, settings.approvals_from, settings.approvals_off) == ({}, {}, False)
    assert (settings.schedule, settings.scheduler.lease, settings.scheduler.poll) == ((), 60, 5)


def test_a_full_file(tmp_path: Path) -> None:
    settings = read(tmp_path, FULL)
    assert settings.tenant.key == "acme"
    assert settings.database.url == f"sqlite:///{tmp_path}/books/tollbook.db"
    assert settings.rules.folders == (tmp_path / "base", tmp_path / "own")
    tax, psp = settings.adapters
    assert (tax.name, tax.port, tax.plugin, tax.timeout) == ("tax", "tax", "tax_table", 3)
    assert (tax.settings, tax.secrets, tax.path) == ({"table": "rates.csv"}, {}, ("adapters", 0))
    assert (psp.settings, psp.secrets, psp.timeout) == ({}, {"key": "PSP_KEY"}, 10)
    assert psp.document.where((*psp.path, "plugin")).line == 7
    assert settings.people["ada"] == ("operator", "sender")
    post, check = settings.schedule
    assert (post.name, post.run, post.person, post.reason) == ("post", "deliver", "ada", "the post")
    assert (post.cron.text, post.cron.zone, check.cron.zone) == ("0 8-18/2 * * mon-fri", "Europe/Amsterdam", "UTC")
    assert (settings.scheduler.lease, settings.scheduler.poll) == (30, 5)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("runs.workers", "8", lambda c: c.runs.workers == 8),
        ("tenant.name", "123", lambda c: c.tenant.name == "123"),
        ("tenant.key", "no", lambda c: c.tenant.key == "no"),
        ("database.url", "postgresql://u:p@h/n", lambda c: c.database.url == "postgresql://u:p@h/n"),
        ("rules.folders", "[own]", lambda c: [folder.name for folder in c.rules.folders] == ["own"]),
        ("adapters.tax.timeout", "60", lambda c: c.adapters[0].timeout == 60),
        ("adapters.tax.settings.table", "x.csv", lambda c: c.adapters[0].settings == {"table": "x.csv"}),
        ("adapters.psp.settings.live", "true", lambda c: c.adapters[1].settings == {"live": True}),
        ("adapters", "[]", lambda c: c.adapters == ()),
        ("people.j.doe", "[operator]", lambda c: c.people["j.doe"] == ("operator",)),
        ("people.eve", "[auditor]", lambda c: c.people["eve"] == ("auditor",)),
        ("roles.auditor", "[close]", lambda c: c.roles["auditor"] == {"close"}),
        ("schedule.post.cron", "5 4 * * *", lambda c: c.schedule[0].cron.text == "5 4 * * *"),
        ("scheduler.lease", "7", lambda c: c.scheduler.lease == 7),
        ("approvals_off", "true", lambda c: c.approvals_off),
    ],
)
def test_a_setting_is_replaced(tmp_path: Path, name: str, text: str, value: object) -> None:
    assert callable(value)
    assert value(read(tmp_path, FULL, {name: text}))


def test_a_setting_that_the_file_does_not_have_is_set(tmp_path: Path) -> None:
    assert read(tmp_path, "", {"runs.workers": "3"}).runs.workers == 3


def test_the_environment_completes_the_address_of_the_database(tmp_path: Path) -> None:
    text = "database: {url: 'postgresql://books:${PASSWORD}@${HOST}/books'}"
    settings = read(tmp_path, text, environment={"PASSWORD": "hunter2", "HOST": "db"})
    assert settings.database.url == "postgresql://books:hunter2@db/books"
    assert repr(settings.database) == "Database(url='postgresql://db/books')"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TollbookError) as raised:
        config.load(tmp_path / "config.yaml")
    assert str(raised.value) == (
        f"{tmp_path}/config.yaml: error: the configuration cannot be read: No such file or directory "
        "[config.no-file]\n    mend: name the file with --config, or go to its folder"
    )


@pytest.mark.parametrize(
    ("person", "verb", "may"),
    [
        ("ada", "run", True),
        ("ada", "deliver", True),
        ("ada", "close", False),
        ("grace", "run", False),
        ("j.doe", "deliver", True),
        ("eve", "run", False),
        ("", "run", False),
        ("ada", "fly", False),
    ],
)
def test_who_may_do_what(tmp_path: Path, person: str, verb: str, may: bool) -> None:
    assert read(tmp_path, FULL).may(person, verb) is may


@pytest.mark.parametrize(
    ("person", "verb", "text"),
    [
        (
            "grace",
            "run",
            ":11:42: error: 'grace' may not run; roles: auditor [config.not-allowed]\n"
            "    why: run: start or resume a run that writes, such as a bill run\n    mend: roles that may: operator",
        ),
        (
            "ada",
            "close",
            ":11:15: error: 'ada' may not close; roles: operator, sender [config.not-allowed]\n"
            "    why: close: close and reopen accounting periods\n    mend: no role may: add close to one under roles",
        ),
        (
            "adda",
            "run",
            ":11:9: error: 'adda' is not among the people of the configuration [config.not-allowed]\n"
            "    why: run: start or resume a run that writes, such as a bill run\n    mend: did you mean 'ada'?",
        ),
        (
            "",
            "run",
            ":11:9: error: nobody is named who is to run [config.not-allowed]\n"
            "    why: run: start or resume a run that writes, such as a bill run\n    mend: say who with --as",
        ),
    ],
)
def test_a_refusal_says_why_and_who_may(tmp_path: Path, person: str, verb: str, text: str) -> None:
    with pytest.raises(TollbookError) as raised:
        read(tmp_path, FULL).check_may(person, verb)
    assert str(raised.value) == f"{tmp_path}/config.yaml{text}"


def test_a_person_who_may_is_let_through(tmp_path: Path) -> None:
    read(tmp_path, FULL).check_may("ada", "run")


APPROVALS = """
roles: {clerk: [close, run], controller: [close, approve], boss: [approve], lone: [approve]}
people: {ada: [clerk], cleo: [controller], dan: [boss, clerk], eve: [clerk]}
approvals: {open-period: [controller], close-period: [], abandon-run: [controller, boss]}
approvals_from: {abandon-run: [1000 EUR, 1200.50 USD]}
"""


@pytest.mark.parametrize(
    ("act", "people"),
    [
        ("open-period", ["cleo"]),
        ("close-period", ["cleo", "dan"]),
        ("abandon-run", ["cleo", "dan"]),
        ("other", ["cleo", "dan"]),
    ],
)
def test_who_may_approve_what(tmp_path: Path, act: str, people: list[str]) -> None:
    settings = read(tmp_path, APPROVALS)
    assert settings.approvers(act) == people
    assert settings.approvals_from == {"abandon-run": {"EUR": Decimal(1000), "USD": Decimal("1200.50")}}


# The commented file


def test_the_root_file_is_the_one_that_is_generated() -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert text == config.document(parse(text, "config.yaml").data)


def test_the_root_file_is_good() -> None:
    assert config.load(ROOT / "config.yaml", {}, {}).tenant.key == "main"


@pytest.mark.parametrize("text", ["", FULL])
def test_a_generated_file_means_the_same(tmp_path: Path, text: str) -> None:
    before = read(tmp_path, text)
    after = read(tmp_path, config.document(parse(text, "").data))
    for name in ("tenant", "database", "rules", "runs", "fx", "roles", "people", "approvals", "schedule", "scheduler"):
        assert getattr(before, name) == getattr(after, name)
    assert [a.settings for a in before.adapters] == [a.settings for a in after.adapters]
    assert [a.secrets for a in before.adapters] == [a.secrets for a in after.adapters]


@pytest.mark.parametrize(
    "value",
    ["no", "12", "1.5", "2026-01-31", "a: b", "a #b", " a ", "null", "[x", "ümläut", "a, b", "", "it's", "x\ny"],
)
def test_texts_are_written_so_that_they_are_read_again(value: str) -> None:
    text = config.document({"tenant": {"name": value}, "people": {value or "x": [value or "x"]}})
    data = parse(text, "").data
    assert data["tenant"]["name"] == value
    assert data["people"] == {value or "x": [value or "x"]}


def test_no_line_is_long() -> None:
    assert [line for line in config.document().splitlines() if len(line) > 120] == []


def test_every_setting_is_explained() -> None:
    text = " ".join(line.strip(" #") for line in config.document().splitlines())
    for setting in SETTINGS:
        assert " ".join(setting.meaning.split()) in text
        assert setting.bounds() in text
