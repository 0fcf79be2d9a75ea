"""Files that a command writes: whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from engine.base.errors import Code, Where, refuse

NOT_WRITABLE = Code("file.not-writable", "A file that cannot be written where it should be.")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write to, which takes its name once the block has ended well; else nothing changes.

    Of several that write at the same time each has a place of its own, and the last to end is what stands there.

    What is no plain file, such as a pipe, is written itself.

    Raises:
        TollbookError: ``file.not-writable``.
    """
    plain = not path.exists() or path.is_file()
    target = path.resolve() if plain else path
    part = target
    try:
        if plain:
            part = _own(target)
            if target.exists():
                part.chmod(target.stat().st_mode & 0o777)
        yield part
        if plain:
            part.replace(target)
    except OSError as error:
        what = f"it cannot be written: {error.strerror or error}"
        mend = "name a file in a folder that is there and can be written"
        raise refuse(NOT_WRITABLE, what, mend=mend, where=Where(str(path))) from None
    finally:
        if part != target:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def _own(target: Path) -> Path:
    """An empty file beside ``target`` that nobody else has."""
    for number in count(1):
        part = target.with_name(f".{target.name}.{number}.part")
        with suppress(FileExistsError):
            part.touch(exist_ok=False)
            break
    return part
