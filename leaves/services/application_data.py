"""What somebody asks for when they apply for leave, as a value. The API and the console fill it
in; `leaves.services.applications` takes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from leaves.models import Certificate, Child, LeaveApplication


@dataclass(frozen=True, slots=True)
class WithheldOffDays:
    """Off days beside leave that an authority does not let be free (G5): those before it, those
    after it.
    """

    prefix: bool = False
    suffix: bool = False


WITHHOLD_OPTIONS: Final = {
    "none": WithheldOffDays(),
    "prefix": WithheldOffDays(prefix=True),
    "suffix": WithheldOffDays(suffix=True),
    "both": WithheldOffDays(True, True),
}


@dataclass(frozen=True, slots=True)
class LeaveApplicationData:
    """What somebody asks for. `waived`: rule id → the authority's reason for setting it aside; only
    staff may give any.
    """

    kind: str
    starts_on: date
    ends_on: date
    half: str = ""
    is_half_day: bool = False
    reason: str = ""
    study: bool = False
    child: Child | None = None
    certificate: Certificate | None = None
    extends: LeaveApplication | None = None
    waived_rules: Mapping[str, str] = field(default_factory=dict)
    withhold: WithheldOffDays = WITHHOLD_OPTIONS["none"]

    @classmethod
    def from_application(cls, application: LeaveApplication) -> LeaveApplicationData:
        """What an application asked for."""
        return cls(
            application.kind,
            application.starts_on,
            application.ends_on,
            application.half,
            bool(application.half),
            application.reason,
            application.study,
            application.child,
            application.certificate,
            application.extends,
            application.waived,
            WithheldOffDays(application.withhold_prefix, application.withhold_suffix),
        )
