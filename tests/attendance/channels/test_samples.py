"""The samples of the documentation, and those that the channels' own documents print, run as they
stand against a real server.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from attendance.models import Punch
from tests import people
from tests.attendance.channels.clients import PAYLOADS, HrSystem, Scanner, payload

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLES = Path(settings.BASE_DIR) / "docs" / "samples"
RUNNERS = {".sh": "sh", ".mjs": "node", ".py": sys.executable}


@pytest.fixture
def environment(live_server: Any) -> dict[str, str]:
    """What the samples are told, by the names they ask for."""
    world = people.make_world()
    people.make_employee(world.acme, "EMP001", "John Doe", worker_id="W001")
    device, token = people.make_device(world.acme, "SN7A2300583")
    scanner, hr = Scanner(world.acme), HrSystem(world.acme)
    return {
        "MUSTER_URL": live_server.url,
        "MUSTER_SN": device.serial,
        "MUSTER_TOKEN": token,
        "MUSTER_API_KEY": scanner.key,
        "FLUIDE_BASE_URL": live_server.url,
        "FLUIDE_ACCESS_TOKEN": hr.token,
        "FLUIDE_API_KEY": hr.key,
        "FLUIDE_CLIENT_ID": hr.row.client_id,
        "FLUIDE_CLIENT_SECRET": hr.secret,
        "FLUIDE_EMPLOYEE_ID": str(world.asha.pk),
    }


def run(program: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    runner = RUNNERS[program.suffix]
    if shutil.which(runner) is None:
        pytest.skip(f"{runner} is not installed")
    # Node reaches for a proxy in the environment, and so does curl.
    clean = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return subprocess.run(
        [runner, str(program)],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "sample",
    sorted(SAMPLES.glob("[bdh]*/*")),
    ids=lambda sample: f"{sample.parent.name}/{sample.name}",
)
def test_a_sample_runs_as_it_stands_and_its_punches_count(
    environment: dict[str, str], sample: Path
) -> None:
    done = run(sample, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    punches = Punch.objects.filter(verdict="accepted", channel=sample.parent.name)
    assert punches.count() == Punch.objects.count() == (2 if sample.stem == "batch" else 1)


@pytest.mark.parametrize(
    "name", ["biometric_vendor.sh", "biometric_vendor.mjs", "biometric_vendor.py.txt"]
)
def test_the_vendors_own_sample_runs_with_only_host_and_key_changed(
    environment: dict[str, str], tmp_path: Path, name: str
) -> None:
    text = (PAYLOADS / name).read_text().replace("your_api_key", environment["MUSTER_API_KEY"])
    text = text.replace("https://your-domain.com", environment["MUSTER_URL"]).replace(
        "'/api", f"'{environment['MUSTER_URL']}/api"
    )
    program = tmp_path / name.removesuffix(".txt")
    program.write_text(text)
    done = run(program, environment)
    assert done.returncode == 0, done.stderr
    assert "Attendance recorded successfully" in done.stdout
    assert "W001" in done.stdout
    assert Punch.objects.get().verdict == "accepted"


def test_the_vendors_own_clock_curl_gets_its_documented_400(environment: dict[str, str]) -> None:
    done = run(PAYLOADS / "hr_vendor.sh", environment)
    assert json.loads(done.stdout) == payload("hr_empty_reply")
