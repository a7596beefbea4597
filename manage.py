#!/usr/bin/env python
"""Django's command line for Muster."""

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

DEMO_TOOLS = {"demo", "simulate_devices"}


def main() -> None:
    """A shell that says nothing about the installation, next to a data folder that the demo made,
    means the demo.

    So `manage.py demo --json` works beside a running `make run` as it stands. Told before the
    settings are read.
    """
    data = Path(os.environ.get("MUSTER_DATA", Path(__file__).resolve().parent / ".data"))
    unsaid = not {"MUSTER_DEMO", "SECRET_KEY"} & os.environ.keys()
    if unsaid and DEMO_TOOLS & set(sys.argv[1:2]) and (data / "demo.json").exists():
        os.environ["MUSTER_DEMO"] = "1"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
