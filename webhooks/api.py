"""The feed: a customer's server fetches its endpoint's events in order, and asks for them to be
sent again.

`GET /api/v1/events?after=<position>` and `POST /api/v1/events/replay`, with the endpoint's key. The
feed has every event that was queued for the endpoint, sent or not, so a server that lost its data
can build it up again without our doing anything.
"""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.audit import record_security_event
from accounts.models import SecurityEvent
from accounts.throttling import V1_LIMIT
from core.serializers import StrictSerializer
from webhooks import services
from webhooks.authentication import FeedKeyAuthentication
from webhooks.models import Delivery, Endpoint, FeedKey

PAGE_SIZE = 50
MAX_PAGE_SIZE = 500


class FeedQuerySerializer(serializers.Serializer[dict[str, Any]]):
    """The query of the feed."""

    after = serializers.IntegerField(min_value=0, max_value=2**63 - 1, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=MAX_PAGE_SIZE, default=PAGE_SIZE)


class WantedSerializer(StrictSerializer):
    """What is to be sent again: one event, all that were given up, or all of a time."""

    id = serializers.CharField(max_length=40, required=False)
    dead = serializers.BooleanField(default=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    dry_run = serializers.BooleanField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Nobody sends everything again by leaving everything out."""
        if not attrs["dead"] and not {"id", "since"} & attrs.keys():
            raise serializers.ValidationError({"since": ["Give id, dead or since."]})
        return attrs


class EventRowSerializer(serializers.Serializer[dict[str, Any]]):
    """An event of the feed; `event` is the body as it is pushed."""

    position = serializers.IntegerField()
    id = serializers.CharField()
    lane = serializers.CharField()
    sequence = serializers.IntegerField(allow_null=True)
    state = serializers.CharField()
    accepted_at = serializers.DateTimeField()
    event = serializers.JSONField()


class EventsReplySerializer(serializers.Serializer[dict[str, Any]]):
    """A page of the feed; `after` is the position to go on from."""

    data = EventRowSerializer(many=True)  # type: ignore[assignment]
    after = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)


class ReplayReplySerializer(serializers.Serializer[dict[str, Any]]):
    """How many events, and whether they were queued or only counted."""

    count = serializers.IntegerField()
    queued = serializers.BooleanField()


class EventFeedViewSet(ViewSet):
    """The events of the endpoint whose key is shown."""

    authentication_classes = (FeedKeyAuthentication,)
    permission_classes = ()
    limits = (V1_LIMIT,)

    @extend_schema(parameters=[FeedQuerySerializer], responses=EventsReplySerializer)
    def list(self, request: Request) -> Response:
        """Events after a position, in order; `next` is null when there are no more now."""
        endpoint: Endpoint = request.user  # type: ignore[assignment]
        asked = FeedQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        limit = asked.validated_data["limit"]
        rows = Delivery.objects.of(endpoint.organization_id).filter(
            endpoint=endpoint, position__gt=asked.validated_data["after"]
        )
        found = list(rows.order_by("position")[: limit + 1])
        page = found[:limit]
        after = page[-1].position if page else asked.validated_data["after"]
        following = request.build_absolute_uri(f"{request.path}?after={after}&limit={limit}")
        return Response(
            {
                "data": [_event_row(one) for one in page],
                "after": after,
                "next": following if len(found) > limit else None,
            }
        )

    @extend_schema(request=WantedSerializer, responses={200: ReplayReplySerializer})
    def replay(self, request: Request) -> Response:
        """Send events again, same ids and same bytes; with `dry_run` only say how many it
        would be.
        """
        endpoint: Endpoint = request.user  # type: ignore[assignment]
        wanted = WantedSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        asked = wanted.validated_data
        rows = services.replayable_deliveries(
            endpoint, dead_only=asked["dead"], since=asked.get("since"), until=asked.get("until")
        )
        if "id" in asked:
            rows = rows.filter(message_id=asked["id"])
        count = rows.count() if asked["dry_run"] else services.replay_deliveries(rows)
        if not asked["dry_run"]:
            key: FeedKey = request.auth  # type: ignore[assignment]
            who, about = f"feed key {key}", f"endpoint {endpoint}"
            record_security_event(
                SecurityEvent.Kind.REPLAYED,
                endpoint.organization_id,
                actor=who,
                request=request,
                about=about,
                count=count,
            )
        return Response({"count": count, "queued": not asked["dry_run"]})


def _event_row(delivery: Delivery) -> dict[str, Any]:
    return {
        "position": delivery.position,
        "id": delivery.message_id,
        "lane": delivery.lane_key,
        "sequence": delivery.sequence,
        "state": "waiting" if delivery.state == Delivery.State.NEW else delivery.state,
        "accepted_at": delivery.created_at.isoformat().replace("+00:00", "Z"),
        "event": json.loads(delivery.body),
    }
