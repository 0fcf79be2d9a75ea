"""Trouble on the way: good adapters come through, and each clause catches one that does not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.ports.contracts import DeliveryContract, Setup
from engine.ports.contracts import trouble as kit
from engine.ports.contracts.fakes.vendor import SECRET, Vendor
from engine.ports.discovery import SHIPPED

HERE = Path(__file__).parent


class OverHttp(DeliveryContract):
    """The adapter of a vendor; its folder may be another one."""

    def __init__(self, plugin: Path, service: Vendor) -> None:
        self.service = service
        self.setup = Setup(plugin, {"url": service.url}, {"password": SECRET}, timeout=0.5)

    def acts(self, home: Path) -> Collection[Any]:
        return [*self.service.arrived]


class InAFolder(DeliveryContract):
    """An adapter that calls nobody."""

    setup = Setup(SHIPPED / "delivery_file", {"folder": "out"}, timeout=1)

    def acts(self, home: Path) -> Collection[Any]:
        return sorted((home / "out").glob("**/*.json"))


@pytest.fixture
def service() -> Iterator[Vendor]:
    with Vendor().running() as made:
        yield made


def changed(folder: Path, old: str, new: str) -> Path:
    """The adapter with one line of it changed."""
    target = folder / "http_delivery"
    target.mkdir()
    for name in ("plugin.py", "plugin.yaml"):
        text = (HERE / "http_delivery" / name).read_text(encoding="utf-8")
        assert name == "plugin.yaml" or old in text
        (target / name).write_text(text.replace(old, new), encoding="utf-8")
    return target


@pytest.mark.parametrize("trouble", ["timeout", "dup", "partial", "late", "garbage"])
def test_a_good_adapter_comes_through(tmp_path: Path, service: Vendor, trouble: str) -> None:
    """On the wire: every clause is kept."""
    for place, clause in enumerate(kit.CLAUSES):
        home = tmp_path / str(place)
        home.mkdir()
        clause(OverHttp(HERE / "http_delivery", service), home, trouble)
        service.documents.clear()


@pytest.mark.parametrize("trouble", ["dup", "partial", "garbage"])
def test_one_without_a_wire_is_troubled_at_its_hook(tmp_path: Path, trouble: str) -> None:
    for place, clause in enumerate(kit.CLAUSES):
        home = tmp_path / str(place)
        home.mkdir()
        clause(InAFolder(), home, trouble)


def test_where_trouble_is_made(tmp_path: Path, service: Vendor) -> None:
    """On the wire of an adapter that has one on this machine, else at its hook."""
    with kit.on_the_way(OverHttp(HERE / "http_delivery", service), tmp_path) as way:
        assert way.where == "wire"
    with kit.on_the_way(InAFolder(), tmp_path) as way:
        assert way.where == "hook"


def test_one_that_calls_a_broken_answer_transient_is_caught(tmp_path: Path, service: Vendor) -> None:
    """It would be told again blindly."""
    plugin = changed(tmp_path, "raise Unknown(", "raise Transient(")
    with pytest.raises(AssertionError, match="partial: transient, expected unknown"):
        kit.test_trouble_on_the_way_is_classed(OverHttp(plugin, service), tmp_path, "partial")


def test_one_whose_system_forgets_keys_is_caught(
    tmp_path: Path, service: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What arrived twice is done twice there."""

    def forgetful(self: Vendor, key: str, document: Any) -> dict[str, Any]:
        self.arrived.append(document["number"])
        return {"key": key, "state": "accepted", "evidence": {"receipt": f"R-{document['number']}"}}

    monkeypatch.setattr(Vendor, "taken", forgetful)
    with pytest.raises(AssertionError):
        kit.test_what_was_in_trouble_is_done_once(OverHttp(HERE / "http_delivery", service), tmp_path, "dup")
