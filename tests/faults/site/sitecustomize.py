"""Arms the interpreter that workers are forked from, where its environment says so; see ``tests/faults/killing.py``."""

import os
import sys

if os.environ.get("TOLLBOOK_TEST_DEATH") and any("forkserver" in word for word in sys.orig_argv):
    import msgspec

    sys.path.insert(0, os.environ["TOLLBOOK_TEST_ROOT"])
    from tests.faults import killing

    killing.arm(msgspec.json.decode(os.environ[killing.VARIABLE], type=killing.Death))
