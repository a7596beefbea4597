"""The grid of squares that finds the few shapes near a point among many.

A box is filed under one square of a grid: of the finest grid whose squares are no smaller than the
box, the square of its south-west corner. So a look-up of a few numbers finds all boxes that can
meet another one, large boxes and small. Called by the models and the services.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from geofences.geometry.bounding_box import BoundingBox

LEVELS: Final = tuple(360.0 / 4**level for level in range(9))
# A box that wide is near a pole, where squares in degrees say nothing.
_WIDEST_SEARCH: Final = 1.0


def grid_square_of(box: BoundingBox) -> int:
    """The number of the square this box is filed under."""
    size = max(box.north - box.south, box.east - box.west)
    level = max(level for level, side in enumerate(LEVELS) if side >= size)
    return _square(
        level,
        math.floor((box.south + 90) / LEVELS[level]),
        math.floor((box.west + 180) / LEVELS[level]),
    )


def grid_squares_meeting(box: BoundingBox) -> list[int] | None:
    """Every number under which a box that meets this one may be filed; None when they are too many
    to name.
    """
    if max(box.east - box.west, box.north - box.south) > _WIDEST_SEARCH:
        return None
    return sorted({square for level in range(len(LEVELS)) for square in _squares_at(level, box)})


def _squares_at(level: int, box: BoundingBox) -> Iterator[int]:
    side = LEVELS[level]
    for row in range(
        math.floor((box.south + 90) / side) - 1, math.floor((box.north + 90) / side) + 1
    ):
        for column in range(
            math.floor((box.west + 180) / side) - 1, math.floor((box.east + 180) / side) + 1
        ):
            yield _square(level, row, column)


def _square(level: int, row: int, column: int) -> int:
    around: int = 4**level
    return (level << 40) + (max(row, 0) << 20) + column % around
