"""Each misconfiguration that would hurt is found at start."""

from __future__ import annotations

from typing import Any

import pytest

from config.checks import check_system_settings


def _ids() -> list[str | None]:
    return [message.id for message in check_system_settings()]


def test_the_settings_of_the_suite_are_safe() -> None:
    assert _ids() == []


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("PEPPER", "", "muster.E001"),
        ("ENCRYPTION_KEYS", [], "muster.E002"),
        ("ENCRYPTION_KEYS", ["short"], "muster.E002"),
        ("SECRET_KEY", "django", "muster.E003"),
        ("ALLOWED_HOSTS", ["*"], "muster.E004"),
        ("DEBUG", True, "muster.W005"),
        ("PUSH_ALLOWED_NETWORKS", ["10.0.0.0/99"], "muster.E006"),
        ("PUSH_ALLOWED_NETWORKS", ["0.0.0.0/0"], "muster.E007"),
        ("PUSH_ALLOW_HTTP", True, "muster.W008"),
        ("LIMITS_CACHE_URL", "dbcache://limits", "muster.E011"),
        ("WEB_WORKERS", 2, "muster.W012"),
        (
            "CACHES",
            {"limits": {"BACKEND": "django.core.cache.backends.db.DatabaseCache"}},
            "muster.W013",
        ),
        ("TRUSTED_PROXIES", -1, "muster.E014"),
        ("REPORT_THREADS", 0, "muster.E017"),
        ("SECURE_PROXY_SSL_HEADER", ("HTTP_X_FORWARDED_PROTO", "https"), "muster.W015"),
    ],
)
def test_a_dangerous_setting_is_found(settings: Any, name: str, value: Any, found: str) -> None:
    setattr(settings, name, value)
    assert _ids() == [found]
    assert all(message.hint for message in check_system_settings())


def test_several_web_processes_that_count_in_redis_are_fine(settings: Any) -> None:
    settings.WEB_WORKERS, settings.LIMITS_CACHE_URL = 4, "redis://127.0.0.1/1"
    settings.CACHES = {
        "limits": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1/1",
        }
    }
    assert _ids() == []
