"""What a spreadsheet makes of text: used by all that writes files people open there, and reads what
they saved there. Pure.
"""

from __future__ import annotations

from typing import Final

# What a spreadsheet takes for the beginning of a formula, in East Asian full width too; and what it
# skips before one.
FORMULA_PREFIXES: Final = frozenset("=+-@\t\r\n＝＋－＠")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may run this text as a formula."""
    return text[:1] in FORMULA_PREFIXES and text != ""


def escape_formula(text: str) -> str:
    """Text that no spreadsheet runs: one that begins like a formula gets an apostrophe before it
    (OWASP, CSV injection).
    """
    return f"'{text}" if is_formula(text) else text


def unescape_formula(text: str) -> str:
    """What `escape_formula` was given."""
    return text[1:] if text[:1] == "'" and is_formula(text[1:]) else text
