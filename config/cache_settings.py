"""Where rate limits are counted: in the memory of each process, or in a Redis that all share.

Called by the settings; accounts/throttling.py counts.
"""

from __future__ import annotations

from typing import Any

_MEMORY = "django.core.cache.backends.locmem.LocMemCache"


def cache_settings(limits_url: str) -> dict[str, dict[str, Any]]:
    """Django's CACHES; `limits_url` is a Redis, or empty."""
    caches: dict[str, dict[str, Any]] = {
        "default": {"BACKEND": _MEMORY},
        # Room for every caller of the longest window: Django's usual 300 keys would forget limits
        # that are still running.
        "limits": {"BACKEND": _MEMORY, "LOCATION": "limits", "OPTIONS": {"MAX_ENTRIES": 100_000}},
        "limits-local": {
            "BACKEND": _MEMORY,
            "LOCATION": "limits-local",
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        },
    }
    if limits_url:
        caches["limits"] = {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": limits_url,
            "KEY_PREFIX": "muster",
            # A limit is not worth waiting for: who cannot count decides without
            # (accounts.circuit_breaker).
            "OPTIONS": {"socket_timeout": 0.1, "socket_connect_timeout": 0.1},
        }
    return caches
