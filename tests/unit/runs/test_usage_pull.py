"""Usage that is fetched: once, in order, with the cursor in the transaction of the events."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.runs.usage import desk as usage_desk
from tests import stories

NAMES = "entity,subscription,meter,key,at,quantity\n"
ADAPTER = "  - {name: phones, port: usage, plugin: usage_folder, settings: {folder: in}, retries: 0}\n"


def company(tmp_path: Path) -> Path:
    stories.write(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text().replace("fx:", ADAPTER + "fx:"))
    (tmp_path / "in").mkdir()
    return tmp_path


def drop(folder: Path, name: str, *keys: str, more: str = "") -> None:
    rows = "".join(f"E1,S5,calls,{key},2025-12-01T10:00:00Z,2\n" for key in keys)
    (folder / "in" / f"{name}.csv").write_text(NAMES + rows + more)


def pulled(app: App) -> tuple[int, int, int, str]:
    (told,) = app.usage.pull(stories.CHANGE)
    assert not told.failed, told.failed
    return told.taken, told.known, told.refused, told.cursor


def keys(app: App) -> list[str]:
    with app.books.reader() as reader:
        return [
            key
            for (key,) in reader.connection.exec_driver_sql(
                "SELECT key FROM usage_event WHERE source = 'phones' ORDER BY id"
            )
        ]


@pytest.mark.capability("A2.4")
def test_what_is_new_is_fetched_once(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches, over files and pulls; what was fetched is not asked for again."""
    monkeypatch.setattr(usage_desk, "AT_ONCE", 2)
    with stories.opened(company(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        drop(tmp_path, "1", "a", "b", "c")
        drop(tmp_path, "2", "d", "e")
        assert pulled(app) == (5, 0, 0, "2.csv:2")
        assert pulled(app) == (0, 0, 0, "2.csv:2")
        drop(tmp_path, "3", "f", "a")
        assert pulled(app) == (1, 1, 0, "3.csv:2")
        assert keys(app) == ["a", "b", "c", "d", "e", "f"]
        assert app.usage.cursors()["phones"]["events"] == 7
        assert [found for found in app.verify().values() if found] == []


def test_what_is_wrong_is_kept_and_the_rest_goes_on(tmp_path: Path, database_url: str) -> None:
    """An event that is wrong by itself, one without a place, one whose key is taken, a line that is no row."""
    with stories.opened(company(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        wrong = "E1,S5,calls,bad,2025-12-01T10:00:00Z,many\nE1,S9,calls,lost,2025-12-01T10:00:00Z,1\nE1,S5\n"
        drop(tmp_path, "1", "a", more=wrong + "E1,S5,calls,a,2025-12-01T10:00:00Z,3\n")
        assert pulled(app) == (1, 0, 4, "1.csv:5")
        kept = {(row["key"], row["code"]) for row in app.usage_door().refused(10)}
        assert kept >= {
            ("bad", "intake.bad-value"),
            ("lost", "intake.unknown-reference"),
            ("a", "intake.key-conflict"),
        }
        assert len(kept) == 4
        assert pulled(app) == (0, 0, 0, "1.csv:5")


@pytest.mark.on_sqlite
def test_a_batch_that_was_not_written_is_asked_for_again(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events and cursor are one transaction: neither is there without the other."""
    from engine.store.writer import Writer

    with stories.opened(company(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        drop(tmp_path, "1", "a", "b")
        with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
            broken.setattr(Writer, "keep_usage_cursor", lambda *_: 1 / 0)
            app.usage.pull(stories.CHANGE)
        assert (keys(app), app.usage.cursors()) == ([], {})
        assert pulled(app) == (2, 0, 0, "1.csv:2")


def test_a_pull_that_was_overtaken_writes_nothing(tmp_path: Path, database_url: str) -> None:
    """Somebody else reads on between the question and the writing of its answer."""
    with stories.opened(company(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        drop(tmp_path, "1", "a")
        desk = app.usage
        ask = desk._host.ask_usage

        def overtaken(*arguments: object) -> object:
            desk._host.ask_usage = ask  # type: ignore[method-assign]
            batch = ask(*arguments)  # type: ignore[arg-type]
            assert pulled(app) == (1, 0, 0, "1.csv:1")
            return batch

        desk._host.ask_usage = overtaken  # type: ignore[method-assign,assignment]
        (told,) = desk.pull(stories.CHANGE)
        assert ([f.code for f in told.failed], told.taken, keys(app)) == (["usage.moved"], 0, ["a"])


@pytest.mark.on_sqlite
def test_an_adapter_that_fails_says_so(tmp_path: Path, database_url: str) -> None:
    with stories.opened(company(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        (tmp_path / "in").rmdir()
        (told,) = app.usage.pull(stories.CHANGE)
        assert told.failed and told.cursor == ""


@pytest.mark.on_sqlite
def test_without_an_adapter_there_is_nothing_to_pull(tmp_path: Path, database_url: str) -> None:
    with stories.opened(stories.write(tmp_path), database_url) as app, pytest.raises(TollbookError) as caught:
        app.usage.pull(stories.CHANGE)
    assert caught.value.findings[0].code == "usage.no-adapter"
