"""The static files, collected by `manage.py up` before it starts the web server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect_static_if_changed() -> None:
    """Collect the static files unless the same ones were collected before: compressing them takes
    seconds.
    """
    stamp = Path(settings.DATA_DIR) / "static.stamp"
    digest = hashlib.sha256("\n".join(_static_file_stats()).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(digest)


def _static_file_stats() -> Iterator[str]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            facts = Path(storage.path(path)).stat()
            yield f"{path} {facts.st_size} {facts.st_mtime_ns}"
