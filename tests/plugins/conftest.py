"""The shipped plug-ins as the host makes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.config import load
from engine.ports.host import Host


@pytest.fixture
def shipped(tmp_path: Path) -> Callable[..., Host]:
    """A host with one adapter ``it`` of a shipped plug-in; its configuration is in ``tmp_path``."""

    def make(plugin: str, port: str, **settings: Any) -> Host:
        path = tmp_path / "config.yaml"
        adapter = {"name": "it", "port": port, "plugin": plugin, "settings": settings, "timeout": 60, "retries": 0}
        path.write_text(json.dumps({"rules": {"folders": ["."]}, "adapters": [adapter]}))
        config = load(path, {}, {})
        return Host(config.adapters, config.folder, {})

    return make
