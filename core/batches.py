"""Walks over many rows in batches, so that nothing is kept open between two of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeVar

from django.db.models import Model, QuerySet

_M = TypeVar("_M", bound=Model)
BATCH_SIZE: Final = 500


def batches_by_id(rows: QuerySet[_M], size: int = BATCH_SIZE) -> Iterator[list[_M]]:
    """Rows in the order of their ids, at most `size` at a time."""
    after = 0
    while page := list(rows.filter(pk__gt=after).order_by("pk")[:size]):
        yield page
        after = page[-1].pk
