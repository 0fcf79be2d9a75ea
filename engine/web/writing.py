"""Requests that wait for being written: those of one client go into the books together, clients take turns.

One transaction of a process is under way at a time.  What comes in meanwhile waits, and goes into the next one together:
the more comes, the larger the transactions are.  As many requests wait as the setting says, and no more.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

import msgspec

from engine.app import Block, Ingested, UsageDoor
from engine.base.errors import TollbookError

TOGETHER: Final = 5_000
"""Events that go into one transaction, unless one request has more."""
GONE: Final = frozenset({"store.unavailable", "store.cannot-open", "store.not-migrated"})
"""Codes that are no fault of any event: it makes no sense to try the requests one by one."""


class Full(Exception):
    """As many requests wait as may."""


class Waiting(msgspec.Struct):
    """Events of one request that are good by themselves, and who waits for what becomes of them."""

    events: Block
    done: asyncio.Future[Ingested]


class Writing:
    """The requests of one process that wait for being written."""

    def __init__(self, door: UsageDoor, places: int, clients: int, pool: ThreadPoolExecutor) -> None:
        self._door, self._pool = door, pool
        self._places, self._share = places, places if clients < 2 else max(1, places // 2)
        self._queues: OrderedDict[str, deque[Waiting]] = OrderedDict()
        self._inside: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def room(self, client: str) -> bool:
        """Whether one more request of a client may wait."""
        mine, all_ = self._inside.get(client, 0), sum(self._inside.values())
        return all_ < self._places and mine < self._share

    async def put(self, client: str, events: Block) -> Ingested:
        """Write the events; what became of them, once it is committed.

        Raises:
            Full: as many requests wait as may.
            TollbookError: they could not be written.
        """
        if not self.room(client):
            raise Full
        waiting = Waiting(events, asyncio.get_running_loop().create_future())
        self._queues.setdefault(client, deque()).append(waiting)
        self._inside[client] = self._inside.get(client, 0) + 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        try:
            return await asyncio.shield(waiting.done)
        finally:
            if waiting.done.done():
                self._leave(client)
            else:  # the one who asked is gone; the place is given back when the events are written
                waiting.done.add_done_callback(lambda _: self._leave(client))

    def _leave(self, client: str) -> None:
        self._inside[client] -= 1

    async def _work(self) -> None:
        while self._queues:
            client, queue = self._queues.popitem(last=False)
            group = [queue.popleft()]
            count = len(group[0].events)
            while queue and count + len(queue[0].events) <= TOGETHER:
                group.append(queue.popleft())
                count += len(group[-1].events)
            if queue:
                self._queues[client] = queue  # at the end: the others come first
            await self._write(client, group)

    async def _write(self, client: str, group: list[Waiting]) -> None:
        loop = asyncio.get_running_loop()
        try:
            told = await loop.run_in_executor(self._pool, _written(self._door, client, group))
        except BaseException as error:
            alone = len(group) == 1 or (
                isinstance(error, TollbookError) and any(finding.code in GONE for finding in error.findings)
            )
            for waiting in group:
                if not alone and isinstance(error, Exception):
                    await self._write(client, [waiting])  # one that cannot be written must not hold up the others
                elif not waiting.done.done():
                    waiting.done.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for waiting, one in zip(group, told, strict=True):
            if not waiting.done.done():
                waiting.done.set_result(one)


def _written(door: UsageDoor, client: str, group: list[Waiting]) -> Callable[[], list[Ingested]]:
    return lambda: door.write(client, [waiting.events for waiting in group], datetime.now(UTC))
