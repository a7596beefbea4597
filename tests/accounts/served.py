"""What gunicorn serves in tests: Muster with the addresses of `served_urls`; each answer says which
process gave it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings

from config.wsgi import application as muster

settings.ROOT_URLCONF = "tests.accounts.served_urls"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Muster, with a header `Served-By`."""

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start_response(status, [*headers, ("Served-By", str(os.getpid()))], *more)

    return muster(environ, start)
