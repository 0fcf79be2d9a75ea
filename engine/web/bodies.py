"""Bodies of requests: what kind they are, read within a bound of size and time, or line by line in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from starlette.requests import Request

from engine.base.errors import Finding, TollbookError
from engine.web.problems import BUSY, MEDIA_TYPE, SLOW, TOO_LARGE, found

LINES: Final = "lines"
FORMS: Final[Mapping[str, str]] = {
    "application/json": "json",
    "application/cloudevents+json": "cloudevents",
    "application/cloudevents-batch+json": "cloudevents",
    "application/x-ndjson": LINES,
    "application/ndjson": LINES,
    "application/jsonl": LINES,
}
"""Content types that are read, and the form of what they hold."""
BINARY: Final = "ce-specversion"
"""The header that says that a body in JSON is the data of a CloudEvent in binary mode."""
IDLE: Final = 30
"""Seconds after which a body that does not go on is given up."""
LONGEST_LINE: Final = 1 << 16
"""Bytes of a line of a stream; a longer one is no event."""
MEGABYTE: Final = 1_000_000


def form_of(request: Request) -> str:
    """The form of the body.

    Raises:
        TollbookError: ``web.media-type``.
    """
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    form = FORMS.get(kind.strip().lower())
    charset = rest.strip().lower().removeprefix("charset=").strip('"') if "charset=" in rest.lower() else "utf-8"
    if form is None or charset not in ("utf-8", "utf8", "us-ascii"):
        what = f"a body of type {request.headers.get('content-type', '')!r} is not read"
        raise TollbookError(found(MEDIA_TYPE, what, "", "send " + ", ".join(FORMS) + ", in UTF-8"))
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise TollbookError(found(MEDIA_TYPE, f"a body in {coding!r} is not read", "", "send it as it is"))
    return "binary" if form == "json" and BINARY in request.headers else form


class Held:
    """Bytes of bodies that are in the memory of a process, and how many may be."""

    def __init__(self, most: int) -> None:
        self.bytes, self.most = 0, most

    def add(self, size: int) -> None:
        """Hold more.

        Raises:
            TollbookError: ``web.busy``.
        """
        if self.bytes + size > self.most:
            why, mend = "the memory for bodies is full", "send it again in a second"
            raise TollbookError(found(BUSY, "as many requests are read as may", why, mend))
        self.bytes += size


async def whole(request: Request, megabytes: int, hold: Callable[[int], None]) -> bytes:
    """The body.

    ``hold`` is told the bytes of each part before it is kept.

    Raises:
        TollbookError: ``web.too-large``, ``web.slow``, and what ``hold`` raises.
    """
    most = megabytes * MEGABYTE
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > most:
        raise TollbookError(_too_large(megabytes))
    parts, size = [], 0
    async for part in parts_of(request):
        size += len(part)
        if size > most:
            raise TollbookError(_too_large(megabytes))
        hold(len(part))
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def text_of(body: bytes) -> str:
    """A body as text; bytes that are not UTF-8 become lone surrogates, which no value may hold."""
    return body.decode("utf-8-sig", "surrogateescape")


async def parts_of(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes.

    Raises:
        TollbookError: ``web.slow``.
    """
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(IDLE):
                part = await anext(stream, None)
        except TimeoutError:
            raise TollbookError(found(SLOW, f"nothing came for {IDLE} seconds", "", "send it in one go")) from None
        if part is None:
            return
        yield part


async def batches_of_lines(request: Request, count: int) -> AsyncIterator[list[tuple[int, bytes]]]:
    """The lines of a stream that are not empty, with their numbers from 1, ``count`` at a time.

    A line that is too long comes cut, so that it is no JSON; memory is bounded by ``count`` times the longest line.
    """
    batch: list[tuple[int, bytes]] = []
    rest, number = b"", 0
    async for part in parts_of(request):
        *ends, last = part.split(b"\n")
        for end in ends:
            line, rest = rest + end, b""
            number += 1
            if line.strip():
                batch.append((number, line[: LONGEST_LINE + 1]))
            if len(batch) >= count:
                yield batch
                batch = []
        rest = (rest + last)[: LONGEST_LINE + 1]
    if rest.strip():
        batch.append((number + 1, rest))
    if batch:
        yield batch


def _too_large(megabytes: int) -> Finding:
    what, why = f"the body is larger than {megabytes} MB", "the setting api.largest_body"
    return found(TOO_LARGE, what, why, "send smaller batches, or a stream of lines as application/x-ndjson")
