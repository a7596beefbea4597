"""What the pages of holiday calendars and leave policies share: only a draft can be edited, and
what publishing it would change is shown first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.admin_html import change_url, link_html, table_html
from leaves.services.publishing_impact import DebitChange


def impact_table(changes: Iterable[DebitChange]) -> SafeString:
    rows = (
        (
            link_html(change_url(one.application), str(one.application)),
            f"{one.half_days_before / 2:g}",
            f"{one.half_days_after / 2:g}",
        )
        for one in changes
    )
    return table_html(
        (_("Leave"), _("Days now"), _("Days after publishing")),
        rows,
        _("No leave would be debited differently."),
    )


def is_draft(obj: Any) -> bool:
    return obj is None or obj.published_at is None
