"""The private folder of finished reports: files only this installation's user can read, whole or
not there at all.

A file is written under a name of its own and takes its place when it is on the disk: a power cut
leaves the whole file, or a part nobody was told of, which `delete_unknown_files` throws away.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from django.conf import settings

PARTIAL_SUFFIX: Final = ".part"
# A part that is written to now, and a file whose row is about to be told of it, are younger.
ORPHAN_AGE_S: Final = 24 * 3600


def report_folder() -> Path:
    """Where the files lie."""
    return Path(settings.REPORT_DIR)


def new_file_name(organization_id: int) -> str:
    """The name of a file that is to be: nobody can guess it."""
    return f"{organization_id}-{secrets.token_hex(16)}"


def write_report_file(name: str, chunks: Iterable[bytes]) -> int:
    """Write a file from its pieces; returns its bytes. Raises OSError, and whatever the pieces
    raise; nothing is left then.
    """
    home = report_folder()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = home / f"{name}{PARTIAL_SUFFIX}"
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for piece in chunks:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        part.replace(home / name)
        _fsync_folder(home)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return size


def _fsync_folder(home: Path) -> None:
    """Have the folder's own entries on the disk too."""
    handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_report_file(name: str) -> IO[bytes]:
    """A file to read from. Raises OSError when it is not there."""
    return (report_folder() / name).open("rb")


def delete_report_file(name: str) -> None:
    """Throw a file away, if it is there. Raises OSError when the folder does not let go of it."""
    if name:
        (report_folder() / name).unlink(missing_ok=True)


def old_file_names(now_s: float | None = None) -> Iterator[str]:
    """Names of files that nobody has touched for a day: what of them no row knows belongs to
    nobody.
    """
    before = (time.time() if now_s is None else now_s) - ORPHAN_AGE_S
    if not report_folder().is_dir():
        return
    for path in report_folder().iterdir():
        with suppress(FileNotFoundError):  # Somebody else may sweep too.
            if path.is_file() and path.stat().st_mtime < before:
                yield path.name


def delete_unknown_files(names: Collection[str], known: Collection[str]) -> None:
    """Throw away those of `names` that nobody knows."""
    for name in names:
        if name not in known:
            delete_report_file(name)
