"""Threads that decode at once what nobody decoded before."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, threading
import msgspec
from engine.base.threads import ready_for_threads

sys.setswitchinterval(1e-6)
ready = sys.argv[1:] == ["ready"]
for number in range(60):
    class Inner(msgspec.Struct):
        whole: int = 0
        text: "str | None" = None
    class Middle(msgspec.Struct):
        many: "list[Inner]" = []
        named: "dict[str, Inner]" = {}
    class Outer(msgspec.Struct):
        inside: Middle
    if ready:
        ready_for_threads()
    gate = threading.Barrier(8)
    def decode():
        gate.wait()
        msgspec.json.decode(b'{"inside": {"many": [{"whole": 1}], "named": {"a": {"text": "b"}}}}', type=Outer)
    threads = [threading.Thread(target=decode) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def test_threads_decode_at_once() -> None:
    """Without the preparation the program dies of it (signal 11), nearly every time."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, "ready"], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
