"""The schemas of messages with other systems, a file each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial

from engine.runs.exchange.schemas import schemas


def pages() -> Mapping[str, Callable[[], str]]:
    """The files below ``docs/reference``."""
    return {f"messages/{name}.json": partial(_text, name) for name in schemas()}


def _text(name: str) -> str:
    return json.dumps(schemas()[name], indent=2) + "\n"
