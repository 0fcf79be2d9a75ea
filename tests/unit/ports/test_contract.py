"""The contract itself: hooks are described, manifests are read, secrets stay secret.

What is refused, and with which words, is in ``tests/errors/config``.
"""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path

import pytest

from engine.ports.hookspecs import PORTS, Permanent, Port, Secrets, Transient, Unknown
from engine.ports.manifest import Secret, read_manifest


@pytest.mark.parametrize("port", PORTS.values(), ids=list(PORTS))
def test_every_hook_says_when_with_what_and_what_not(port: Port) -> None:
    assert port.hooks
    assert inspect.getdoc(port.spec)
    for hook in port.hooks:
        text = inspect.getdoc(getattr(port.spec, hook)) or ""
        assert [part for part in ("When:", "With:", "Answers:", "May not:") if part not in text] == []


def test_no_hook_begins_like_those_of_another_port() -> None:
    owners = {
        hook: [p.name for p in PORTS.values() if hook.startswith(p.prefix)] for q in PORTS.values() for hook in q.hooks
    }
    assert owners == {hook: [port.name] for port in PORTS.values() for hook in port.hooks}


def test_failures_have_the_classes_that_runs_know() -> None:
    assert [failure.kind for failure in (Transient, Permanent, Unknown)] == ["transient", "permanent", "unknown"]


def test_a_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "tax_acme"
    folder.mkdir()
    (folder / "plugin.yaml").write_text(
        "name: tax_acme\n"
        "version: 1.2.0-rc.1\n"
        "summary: Tax rates from Acme.\n"
        "ports: {tax: 1}\n"
        "class: acme.plugin:Acme\n"
        "settings:\n"
        "  rate: {type: percent, default: 19 %, description: Rate of everything.}\n"
        "secrets:\n"
        "  token: {variable: ACME_TOKEN, description: API token.}\n"
    )
    manifest = read_manifest(folder, "tax_acme")
    assert (manifest.name, manifest.version, manifest.ports) == ("tax_acme", "1.2.0-rc.1", {"tax": (1, 0)})
    assert (manifest.module, manifest.class_name, manifest.batch) == ("acme.plugin", "Acme", 500)
    assert manifest.settings == {
        "rate": {"type": "percent", "default": "19 %", "meta": {"description": "Rate of everything."}}
    }
    assert manifest.secrets == {"token": Secret("ACME_TOKEN", "API token.")}


def test_secrets_are_not_shown() -> None:
    secrets = Secrets({"token": "hunter2", "long": "hunter22", "empty": ""})
    assert (secrets["token"], len(secrets), list(secrets)) == ("hunter2", 3, ["token", "long", "empty"])
    assert repr(secrets) == "Secrets(token=***, long=***, empty=***)"
    assert secrets.masked("hunter2 and hunter22") == "*** and ***"
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(secrets)
