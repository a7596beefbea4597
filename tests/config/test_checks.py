"""Each misconfiguration that would hurt is found at start."""

from __future__ import annotations

from typing import Any

import pytest

from config.checks import settings_are_safe


def _ids() -> list[str | None]:
    return [message.id for message in settings_are_safe()]


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
    ],
)
def test_a_dangerous_setting_is_found(settings: Any, name: str, value: Any, found: str) -> None:
    setattr(settings, name, value)
    assert _ids() == [found]
    assert all(message.hint for message in settings_are_safe())
