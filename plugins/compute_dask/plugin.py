"""An engine on Dask distributed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from engine.ports.hookspecs import Context, Transient, hookimpl
from engine.ports.hookspecs.compute import Engine, Work


class ComputeDask:
    """A client of a scheduler for each run; where no scheduler is named, a cluster of its own for as long."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self.scheduler: str = settings["scheduler"]
        self.workers: int = settings["workers"]
        self.wait: int = settings["wait"]

    @hookimpl
    def compute_engine(self) -> Engine:
        """The engine; nothing is started yet, and Dask not yet imported."""
        return Engine(self._run)

    def _run(self, work: Work, numbers: Sequence[int]) -> Iterator[Any]:
        if not numbers:
            return
        from distributed import KilledWorker, as_completed

        with ExitStack() as stack:
            client = self._client(stack)
            # Impure: a partition is worked on whatever was worked on before under its number.
            futures = client.map(work, list(numbers), pure=False)
            try:
                for future in as_completed(futures, loop=client.loop):  # type: ignore[no-untyped-call]
                    yield future.result()
            except KilledWorker as error:
                raise Transient(f"workers were lost again and again over one partition: {error}") from None
            finally:
                client.cancel(futures)

    def _client(self, stack: ExitStack) -> Any:
        """A client with at least one worker."""
        from distributed import Client, LocalCluster

        address: Any = self.scheduler
        try:
            if not address:
                local = LocalCluster(  # type: ignore[no-untyped-call]
                    n_workers=self.workers,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address=None,
                    silence_logs=50,
                )
                address = stack.enter_context(local)
            client = stack.enter_context(Client(address, timeout=self.wait, set_as_default=False))  # type: ignore[no-untyped-call]
            client.wait_for_workers(1, timeout=self.wait)
        except (OSError, TimeoutError) as error:
            raise Transient(f"no cluster at {self.scheduler or 'this machine'}: {error}") from None
        return client
