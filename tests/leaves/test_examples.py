"""Every worked example of the facts is a test that carries its number: none is forgotten, none is
invented.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
# The numbers of the worked examples in the facts (section 3); those taken away do not exist.
EXAMPLES = set(range(1, 43)) - {6, 12, 14, 21, 24, 25, 29, 34, 35, 40}


def numbered() -> dict[int, list[str]]:
    """The tests of leave, tours and days that carry numbers of examples in their names."""
    found: dict[int, list[str]] = {}
    for file in [*(TESTS / "leaves").glob("test_*.py"), *(TESTS / "tours").glob("test_*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and (
                told := re.match(r"test_examples?_([\d_and]+)", node.name)
            ):
                for number in re.findall(r"\d+", told[1]):
                    found.setdefault(int(number), []).append(node.name)
    return found


def test_every_worked_example_is_a_test_by_its_number() -> None:
    assert set(numbered()) == EXAMPLES
