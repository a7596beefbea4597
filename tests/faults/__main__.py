"""`python -m tests.faults`: real processes are killed, stopped and cut off, and what came out is
judged.

A few minutes by default, two files at a time, and no word on how fast it was. MUSTER_VERIFY=1 is
the long run with 5 000 punches, one test after the other: figures are printed, and held to what is
promised. Arguments go to pytest.
"""

from __future__ import annotations

import sys

import pytest

from tests.faults.conftest import LONG, missing_tools
from tests.run import say

if __name__ == "__main__":
    if lacks := missing_tools():
        say(f"SKIPPED: what needs {lacks}")
    # The figures are of a machine that does nothing else.
    how = ["-s", "-p", "no:xdist"] if LONG else ["-n", "2", "--dist", "loadfile"]
    sys.exit(pytest.main(["tests/faults", "-p", "no:randomly", *how, *sys.argv[1:]]))
