"""`python -m tests.faults`: real processes are killed, stopped and cut off, one test at a time, and what came out is judged.

A few minutes by default; MUSTER_VERIFY=1 is the long run with 5 000 punches. Arguments go to pytest. Figures are printed.
"""

from __future__ import annotations

import sys

import pytest

from tests.faults.conftest import missing
from tests.run import say

if __name__ == "__main__":
    if lacks := missing():
        say(f"SKIPPED: what needs {lacks}")
    # One process, in the order of the files: the figures are of a machine that does nothing else.
    sys.exit(pytest.main(["tests/faults", "-s", "-p", "no:xdist", "-p", "no:randomly", *sys.argv[1:]]))
