"""Each consumer of the change log stands alone: one that fails holds up nothing but itself."""

from __future__ import annotations

import pytest

from attendance.background import changes
from employees.models import Change
from tests.people import make_world

pytestmark = pytest.mark.django_db


def test_a_consumer_that_fails_holds_up_neither_the_other_nor_other_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And it is given its change again in the next round, once it can work."""
    organization = make_world().acme
    changes.process_changes()
    first, second = (
        Change.objects.create(organization=organization, kind=Change.Kind.CALENDAR)
        for _ in range(2)
    )
    leave, days = changes.CONSUMERS
    asked: list[tuple[str, int]] = []

    def fail_once_on_the_first(change: Change) -> None:
        again = ("leave", change.pk) in asked
        asked.append(("leave", change.pk))
        if change.pk == first.pk and not again:
            raise ValueError("leave cannot follow this change")

    def follow(change: Change) -> None:
        asked.append(("days", change.pk))

    monkeypatch.setattr(
        changes,
        "CONSUMERS",
        (leave._replace(process=fail_once_on_the_first), days._replace(process=follow)),
    )

    changes.process_changes()
    (waiting,) = Change.objects.unprocessed()
    assert waiting == first
    assert waiting.leave_processed_at is None, "the mark of the consumer that failed stays open"
    assert waiting.days_processed_at is not None
    changes.process_changes()

    assert not Change.objects.unprocessed().exists()
    assert asked == [
        ("leave", first.pk),
        ("days", first.pk),
        ("leave", second.pk),
        ("days", second.pk),
        ("leave", first.pk),
    ], "leave comes before days, and nobody is given a change twice that they have followed"
