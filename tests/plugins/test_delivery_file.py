"""The adapter ``delivery_file``: what it writes and where, one act for each key, and what a failing disk does."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.model.effect import Answer, Effect
from engine.ports.host import AdapterFailed, Host
from tests.plugins.documents import DOCUMENT, document, files, send

Shipped = Callable[..., Host]


@pytest.fixture
def host(shipped: Shipped) -> Host:
    return shipped("delivery_file", "delivery", folder="out")


def test_a_document_becomes_a_page_and_json(host: Host, tmp_path: Path) -> None:
    [answer] = send(host, document())
    name = "out/acme-de/2026-01/DE-2026-000123"
    assert files(tmp_path / "out") == ["acme-de/2026-01/DE-2026-000123.html", "acme-de/2026-01/DE-2026-000123.json"]
    assert json.loads((tmp_path / f"{name}.json").read_text()) == DOCUMENT
    assert answer == Answer(
        "DE-2026-000123",
        "accepted",
        evidence={
            "path": f"{name}.html",
            "sha256": hashlib.sha256((tmp_path / f"{name}.html").read_bytes()).hexdigest(),
            "json_path": f"{name}.json",
            "json_sha256": hashlib.sha256((tmp_path / f"{name}.json").read_bytes()).hexdigest(),
        },
    )


# One key, one act


def test_the_same_key_twice_is_one_act(host: Host, tmp_path: Path) -> None:
    first = send(host, document())
    path = tmp_path / first[0].evidence["path"]
    before = path.stat().st_mtime_ns, path.stat().st_ino
    assert send(host, document()) == first
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_the_same_key_after_a_restart_is_one_act(shipped: Shipped) -> None:
    first = send(shipped("delivery_file", "delivery", folder="out"), document())
    assert send(shipped("delivery_file", "delivery", folder="out"), document()) == first


def test_a_key_with_another_document_is_rejected(host: Host, tmp_path: Path) -> None:
    send(host, document(), keys="k")
    [answer] = send(host, document(number="DE-2026-000124"), keys="k")
    assert answer == Answer("k", "rejected", "the key was used before for another document")
    assert len(files(tmp_path / "out")) == 2


def test_a_number_with_another_document_is_rejected(host: Host, tmp_path: Path) -> None:
    [first] = send(host, document(), keys="a")
    [answer] = send(host, document(note="another"), keys="b")
    name = "acme-de/2026-01/DE-2026-000123.html"
    assert answer == Answer("b", "rejected", f"{name} is there already, with another content")
    assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == first.evidence["sha256"]


def test_a_lost_file_is_written_again(host: Host, tmp_path: Path) -> None:
    [first] = send(host, document())
    (tmp_path / first.evidence["path"]).unlink()
    assert send(host, document()) == [first]
    assert len(files(tmp_path / "out")) == 2


def test_a_bad_document_does_not_stop_the_others(host: Host, tmp_path: Path) -> None:
    bad = document(number="B", lines=[{"number": 1, "text": "no amount"}])
    answers = send(host, document(number="A"), bad, document(number="C", currency="XXQ"), document(number="D"))
    assert [answer.state for answer in answers] == ["accepted", "rejected", "retry", "accepted"]
    assert answers[1].reason == (
        "the payload is no invoice document: Object missing required field `amount` - at `$.lines[0]`"
    )
    assert answers[2].reason.startswith("the page cannot be made: TollbookError: error: 'XXQ' is not a currency")
    assert len(files(tmp_path / "out")) == 4


# Names and disks


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("INV-1_a.b", "INV-1_a.b"),
        ("../../etc/passwd", "_.._etc_passwd-"),
        ("2026/0001", "2026_0001-"),
        ("2026_0001", "2026_0001"),
        ("..", "_-"),
        (".hidden", "hidden-"),
        ("Nº 1", "N__1-"),
        ("a\x00b", "a_b-"),
        ("x" * 300, "x" * 100 + "-"),
    ],
)
def test_numbers_become_names_that_stay_in_their_folder(host: Host, tmp_path: Path, number: str, name: str) -> None:
    [answer] = send(host, document(number=number))
    written = (tmp_path / answer.evidence["path"]).resolve()
    assert written.parent == tmp_path / "out" / "acme-de" / "2026-01"
    assert re.fullmatch(re.escape(name) + ("[0-9a-f]{8}" if name.endswith("-") else ""), written.stem)


def test_numbers_that_differ_have_names_that_differ(host: Host, tmp_path: Path) -> None:
    numbers = ["2026/1", "2026_1", "2026-1", "2026\\1", "2026:1"]
    answers = send(host, *[document(number=number) for number in numbers])
    assert len({answer.evidence["path"] for answer in answers}) == len(numbers)


def test_the_entity_stays_in_the_folder_too(host: Host, tmp_path: Path) -> None:
    [answer] = send(host, document(seller__key="../../elsewhere"))
    assert (tmp_path / answer.evidence["path"]).resolve().is_relative_to(tmp_path / "out")


def fail(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, number: int, suffix: str) -> None:
    """Let a method of Path fail for files with an ending."""
    real = getattr(module, name)

    def failing(self: Path, *arguments: Any, **named: Any) -> Any:
        if self.name.endswith(suffix) or str(arguments[:1]).endswith(f"{suffix}'),)"):
            raise OSError(number, os.strerror(number), str(self))
        return real(self, *arguments, **named)

    monkeypatch.setattr(module, name, failing)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_cannot_be_written_is_tried_again_later(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with monkeypatch.context() as patched:
        fail(patched, Path, "open", number, ".part")
        [answer] = send(host, document())
    assert answer.state == "retry"
    assert answer.reason.endswith(os.strerror(number))
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name != "lock"] == []
    assert send(host, document())[0].state == "accepted"


def test_a_disk_that_is_full_in_the_middle_leaves_nothing(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        fail(patched, Path, "open", errno.ENOSPC, "-2.part")
        [answer] = send(host, document())
    assert answer.state == "retry"
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name != "lock"] == []


def test_what_breaks_while_names_are_given_is_finished_by_the_next_call(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        fail(patched, Path, "replace", errno.EIO, "-2.part")
        [answer] = send(host, document())
    assert answer.state == "retry"
    assert [name for name in files(tmp_path / "out") if name.endswith(".part")] == []
    assert send(host, document())[0].state == "accepted"
    assert len(files(tmp_path / "out")) == 2


def test_a_folder_that_is_a_file_is_tried_again_later(host: Host, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    answers = send(host, document(number="A"), document(number="B"))
    assert [answer.state for answer in answers] == ["retry", "retry"]
    assert answers[0].reason.startswith(str(tmp_path / "out"))


def test_files_may_be_forced_to_the_disk(shipped: Shipped, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (synced.append(number), real(number)))
    send(shipped("delivery_file", "delivery", folder="out", durable=True), document())
    assert len(synced) == 3


def status(host: Host, key: str, payload: dict[str, Any]) -> Answer:
    [answer] = host.status("it", [Effect(key, "delivery", "invoice", payload)])
    return answer


def test_it_says_what_became_of_a_key(host: Host, tmp_path: Path) -> None:
    assert (status(host, "k", document()).state, files(tmp_path / "out")) == ("retry", [])
    [sent] = send(host, document(), keys="k")
    assert status(host, "k", document()) == status(host, "k", document(seller__name="Acme AG")) == sent
    (tmp_path / sent.evidence["path"]).unlink()
    assert status(host, "k", document()).reason == "the folder does not have the whole document"


def test_a_record_that_cannot_be_read_is_no_word_about_the_key(host: Host, tmp_path: Path) -> None:
    send(host, document(), keys="k")
    [record] = (tmp_path / "out" / ".keys").glob("*/*.json")
    record.write_text("{")
    with pytest.raises(AdapterFailed) as raised:
        status(host, "k", document())
    assert (raised.value.kind, "the record of the key cannot be read" in str(raised.value)) == ("transient", True)


@pytest.mark.parametrize("kind", ["invoice", "credit_note", "corrected_invoice", "debit_note"])
def test_every_kind_of_document_has_a_name(host: Host, tmp_path: Path, kind: str) -> None:
    [answer] = send(host, document(kind=kind))
    assert answer.state == "accepted", answer.reason
