"""A delivery adapter that never answers while there is a file named ``silent``, and notes what it delivers otherwise."""

from __future__ import annotations

import time
from collections.abc import Sequence

from engine.model.effect import Answer, Effect
from engine.ports.hookspecs import Context, hookimpl


class DeliverySilent:
    """Appends the key of each document to ``told.txt`` beside the config."""

    def __init__(self, context: Context) -> None:
        self.home = context.home

    @hookimpl
    def delivery_send(self, effects: Sequence[Effect]) -> list[Answer]:
        """Sleep for an hour, or deliver."""
        if (self.home / "silent").exists():
            time.sleep(3600)
        with (self.home / "told.txt").open("a", encoding="utf-8") as file:
            file.writelines(f"{effect.key}\n" for effect in effects)
        return [Answer(effect.key, "accepted") for effect in effects]
