"""What the kit of plug-ins does without a configuration."""

from engine.ports.kit.scaffold import Scaffold, new_plugin
from engine.runs.plugins.testing import run_fake

__all__ = ["Scaffold", "new_plugin", "run_fake"]
