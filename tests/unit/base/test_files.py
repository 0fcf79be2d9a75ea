"""A file that a command writes is whole, or as it was before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.base.errors import TollbookError
from engine.base.files import whole


def test_what_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    """The folder has no trace of it; what ends well takes the place of the file, behind a link too, and keeps who may read it."""
    file, link = tmp_path / "out.csv", tmp_path / "link"
    link.symlink_to(file)
    with pytest.raises(KeyError), whole(link) as part:
        part.write_text("half")
        raise KeyError
    assert not file.exists()
    file.write_text("before")
    file.chmod(0o600)
    with pytest.raises(KeyError), whole(file) as part:
        part.write_text("half")
        raise KeyError
    assert file.read_text() == "before"
    with whole(link) as part:
        part.write_text("after")
    assert (file.read_text(), file.stat().st_mode & 0o777, link.is_symlink()) == ("after", 0o600, True)
    with whole(file) as part, whole(file) as other:  # two commands at once
        part.write_text("mine")
        other.write_text("theirs, which ends first")
    assert file.read_text() == "mine"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "out.csv"]


def test_a_pipe_is_written_itself(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with whole(pipe) as part:
        part.write_text("text")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["none/out.csv", "folder"])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(TollbookError) as refused, whole(tmp_path / name) as part:
        part.write_text("text")
    (finding,) = refused.value.findings
    assert finding.code == "file.not-writable" and finding.where.file == str(tmp_path / name)
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]
