"""The client samples and vectors that are published in docs/samples/phone, as tests use them."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent.parent / "docs" / "samples" / "phone"
VECTORS: dict[str, Any] = json.loads((FOLDER / "vectors.json").read_text())


def by_name(vector: Any) -> str:
    """The name of a vector, for the name of its test."""
    return str(vector["name"])


@cache
def sample() -> Any:
    """The Python sample, as a module."""
    spec = importlib.util.spec_from_file_location("phone_sample", FOLDER / "punch.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def node(script: str, given: Any = None) -> Any:
    """What `script` says by `out(…)` in Node, with everything of the JavaScript sample imported and
    `given` at hand.
    """
    program = shutil.which("node")
    if not program:
        pytest.skip("Node is not installed")
    names = "newKey, publicKey, signedText, sign, newPunch, derToRaw"
    head = f"import {{ {names} }} from {json.dumps((FOLDER / 'punch.mjs').as_uri())};"
    head += (
        "import { readFileSync } from 'node:fs'; const given = JSON.parse(readFileSync(0, 'utf8'));"
    )
    head += "const out = (value) => process.stdout.write(JSON.stringify(value));"
    done = subprocess.run(
        [program, "--input-type=module", "--eval", head + script],
        input=json.dumps(given),
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
