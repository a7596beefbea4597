"""What a spreadsheet makes of text: used by all that writes files people open there, and reads what
they saved there. Pure.
"""

from __future__ import annotations

from typing import Final

# What a spreadsheet takes for the beginning of a formula, in East Asian full width too; and what it
# skips before one.
LIVE: Final = frozenset("=+-@\t\r\n＝＋－＠")


def is_live(text: str) -> bool:
    """Whether a spreadsheet may run this text as a formula."""
    return text[:1] in LIVE and text != ""


def inert(text: str) -> str:
    """Text that no spreadsheet runs: one that begins like a formula gets an apostrophe before it
    (OWASP, CSV injection).
    """
    return f"'{text}" if is_live(text) else text


def as_it_was(text: str) -> str:
    """What `inert` was given."""
    return text[1:] if text[:1] == "'" and is_live(text[1:]) else text
