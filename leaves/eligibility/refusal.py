"""Why leave, or something else about leave, is refused, as a value. Pure. Made by the rules;
`leaves.rule_messages` turns it into a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LeaveRefusal:
    """Why not: a machine's code, the rule's id, the field it is about and the numbers that were
    used.
    """

    code: str
    rule: str
    field: str
    details: Mapping[str, Any]
