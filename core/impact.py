"""What a change would do, before it is saved: asked below, answered above.

A verb describes the change it is about to make; the apps above, which it may not import, register
providers in the setting IMPACT_PROVIDERS and answer with what would differ. Nothing is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """A change as the change log would record it; see `employees.models.Change` for the fields.

    `employees` is None for everybody whom `subject` concerns; dates of None are open.
    """

    organization_id: int
    kind: str
    subject: str = ""
    employees: tuple[UUID, ...] | None = None
    starts_on: date | None = None
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class Impact:
    """One thing that would differ: a sentence for a clerk, and the number it is about."""

    text: Any
    count: int


Provider = Callable[[ProposedChange], Iterable[Impact]]


def preview(change: ProposedChange) -> list[Impact]:
    """What the apps above say about a change, in the order of the setting. Empty when nothing
    depends on it.
    """
    impacts: list[Impact] = []
    for path in settings.IMPACT_PROVIDERS:
        provider: Provider = import_string(path)
        impacts += provider(change)
    return impacts
