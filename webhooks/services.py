"""Verbs on endpoints and deliveries: create, save, rotate, pause, resume, remove, test, replay. The
console calls these.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_network
from itertools import groupby
from operator import itemgetter

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.credentials import decrypt, encrypt, generate_token, hash_token
from core.outbound.ssrf_guard import check_url
from webhooks import outbox
from webhooks.adoption import mark_waiting_lanes_due
from webhooks.models import Delivery, Endpoint, FeedKey
from webhooks.signing import new_secret

ROTATION_OVERLAP = timedelta(hours=24)
TEST_LANE = "test"
REPLAY_BATCH_SIZE = 5000
REPLAY_LANES_PER_BATCH = 500
ENDPOINT_SETTINGS = (
    "name",
    "url",
    "mode",
    "virtual_serial",
    "include_location",
    "include_health",
    "include_unmatched",
    "max_in_flight",
    "max_per_second",
)


def create_endpoint(endpoint: Endpoint) -> str:
    """Validate and store a new endpoint; returns its signing secret, which is not shown again.

    Raises ValidationError with the field named.
    """
    secret = new_secret()
    endpoint.secret_cipher = encrypt(secret)
    endpoint.auth_token_cipher = encrypt(generate_token("mst_cams_"))
    save_endpoint(endpoint)
    return secret


def save_endpoint(endpoint: Endpoint) -> Endpoint:
    """Validate and store changes to an endpoint. Raises ValidationError with the field named."""
    try:
        endpoint.url = check_url(
            endpoint.url,
            allow_http=settings.PUSH_ALLOW_HTTP,
            allowed_networks=[ip_network(network) for network in settings.PUSH_ALLOWED_NETWORKS],
        )
    except ValueError as error:
        raise ValidationError({"url": str(error)}) from error
    if endpoint.mode == Endpoint.Mode.CAMS and not endpoint.virtual_serial:
        raise ValidationError(
            {"virtual_serial": _("The Cams format needs a serial for punches without a terminal.")}
        )
    endpoint.full_clean()
    # What the worker keeps on the row (failures, pauses, pace) is not a form's to write back.
    endpoint.save(update_fields=None if endpoint._state.adding else ENDPOINT_SETTINGS)
    return endpoint


def rotate_secret(endpoint: Endpoint) -> str:
    """Give an endpoint a new signing secret and return it; for a day both sign."""
    secret = new_secret()
    with transaction.atomic():
        row = Endpoint.objects.of(endpoint.organization_id).select_for_update().get(pk=endpoint.pk)
        row.previous_secret_cipher = row.secret_cipher
        row.previous_secret_until = timezone.now() + ROTATION_OVERLAP
        row.secret_cipher = encrypt(secret)
        row.save(update_fields=("previous_secret_cipher", "previous_secret_until", "secret_cipher"))
    endpoint.refresh_from_db()
    return secret


def endpoint_auth_token(endpoint: Endpoint) -> str:
    """The token that stands in the body of the Cams format."""
    return decrypt(endpoint.auth_token_cipher) if endpoint.auth_token_cipher else ""


def pause_endpoint(endpoint: Endpoint, reason: str = Endpoint.PauseReason.MANUAL) -> None:
    """Stop pushing to an endpoint; what happens meanwhile is queued, nothing is skipped."""
    Endpoint.objects.of(endpoint.organization_id).filter(pk=endpoint.pk).update(
        state=Endpoint.State.PAUSED, pause_reason=reason
    )


def resume_endpoint(endpoint: Endpoint) -> None:
    """Push again, from where it stopped and in order, slowly at first."""
    Endpoint.objects.of(endpoint.organization_id).filter(pk=endpoint.pk).update(
        state=Endpoint.State.ACTIVE,
        pause_reason="",
        failures=0,
        failing_since=None,
        retry_at=None,
        allowance=1,
    )


def remove_endpoint(endpoint: Endpoint) -> None:
    """Take an endpoint out of service for good: nothing is queued for it any more, its history
    stays.
    """
    Endpoint.objects.of(endpoint.organization_id).filter(
        pk=endpoint.pk, removed_at__isnull=True
    ).update(
        removed_at=timezone.now(),
        state=Endpoint.State.PAUSED,
        pause_reason=Endpoint.PauseReason.MANUAL,
    )


def send_test_event(endpoint: Endpoint) -> Delivery:
    """Queue a test event for an endpoint, in a lane of its own; returns the delivery to watch."""
    now = timezone.now()
    text = DjangoJSONEncoder().encode(
        {
            "type": "endpoint.test",
            "timestamp": now,
            "data": {"endpoint": endpoint.name, "sequence": None},
        }
    )
    with transaction.atomic():
        outbox.publish(
            endpoint.organization_id,
            [
                outbox.OutboxMessage(
                    endpoint.pk, TEST_LANE, "endpoint.test", f"endpoint:{endpoint.pk}", text
                )
            ],
            now,
        )
        mine = Delivery.objects.of(endpoint.organization_id).filter(
            endpoint=endpoint, lane_key=TEST_LANE
        )
        return mine.latest("id")


def replayable_deliveries(
    endpoint: Endpoint,
    *,
    dead_only: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Delivery]:
    """The finished deliveries of an endpoint that a replay would send: count them before it is
    done.

    `since` and `until` (not included) are about when the event was accepted.
    """
    states = [Delivery.State.DEAD] if dead_only else [Delivery.State.DEAD, Delivery.State.DELIVERED]
    rows = Delivery.objects.of(endpoint.organization_id).filter(endpoint=endpoint, state__in=states)
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    return rows.filter(created_at__lt=until) if until is not None else rows


def replay_deliveries(deliveries: QuerySet[Delivery]) -> int:
    """Queue finished deliveries once more, with the same ids and the same bytes, in order; returns
    how many were queued.

    A lane is put back whole, in one transaction, for its order's sake; many lanes in many, for half
    a million rows would take longer than the database lets one statement run. Straight into their
    lanes: that many rows through the dispatcher would keep new events of others waiting.
    """
    again = deliveries.filter(state__in=(Delivery.State.DELIVERED, Delivery.State.DEAD)).order_by()
    number = 0
    for endpoint_id, keys in _lane_batches(again):
        with transaction.atomic():
            mine = again.filter(endpoint_id=endpoint_id, lane_key__in=keys)
            number += mine.update(state=Delivery.State.WAITING, refusals=0, finished_at=None)
            mark_waiting_lanes_due(endpoint_id, keys)
    return number


def _lane_batches(deliveries: QuerySet[Delivery]) -> Iterator[tuple[int, list[str]]]:
    """The lanes of `deliveries` as (endpoint, keys), with about `REPLAY_BATCH_SIZE` deliveries in
    each slice.
    """
    rows = (
        deliveries.values_list("endpoint_id", "lane_key")
        .annotate(Count("id"))
        .order_by("endpoint_id", "lane_key")
    )
    for endpoint_id, found in groupby(rows, key=itemgetter(0)):
        keys: list[str] = []
        size = 0
        for _endpoint, key, count in found:
            keys.append(key)
            size += count
            if size >= REPLAY_BATCH_SIZE or len(keys) >= REPLAY_LANES_PER_BATCH:
                yield endpoint_id, keys
                keys, size = [], 0
        if keys:
            yield endpoint_id, keys


def issue_feed_key(endpoint: Endpoint) -> str:
    """Make a key for an endpoint's feed and return it: the only time it can be seen. Older keys
    work on.
    """
    key = generate_token("mst_evt_")
    FeedKey.objects.create(
        organization_id=endpoint.organization_id,
        endpoint=endpoint,
        key_hash=hash_token(key),
        hint=key[-4:],
    )
    return key


def revoke_feed_keys(endpoint: Endpoint) -> int:
    """Revoke every key of an endpoint's feed at once; returns how many."""
    live = FeedKey.objects.of(endpoint.organization_id).active().filter(endpoint=endpoint)
    return live.update(revoked_at=timezone.now())


def delivery_backlog(organization_id: int) -> dict[str, int]:
    """How many deliveries of an organization wait and how many were given up."""
    rows = Delivery.objects.of(organization_id)
    return {
        "waiting": rows.waiting().count(),
        "dead": rows.filter(state=Delivery.State.DEAD).count(),
    }


def deliveries_about(organization_id: int, subject: str) -> QuerySet[Delivery]:
    """The deliveries about one thing, such as `punch:17`."""
    return (
        Delivery.objects.of(organization_id)
        .filter(subject=subject)
        .select_related("endpoint")
        .order_by("id")
    )
