"""The console's pages on reports."""

from reports import board_admin

__all__ = ["board_admin"]
