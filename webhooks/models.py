"""Customers' servers, what is to be sent to them, and what became of it.

A delivery row is the queue entry; nothing else needs to survive for it to be sent. Lanes keep one
employee's (or one device's) deliveries to one endpoint in order.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet


class EndpointQuerySet(TenantQuerySet["Endpoint"]):
    """Vocabulary of endpoints."""

    def not_removed(self) -> EndpointQuerySet:
        """Endpoints that were not removed: those that events are queued for, paused ones
        included.
        """
        return self.filter(removed_at__isnull=True)


class Endpoint(TenantModel):
    """A customer's server."""

    class Mode(models.TextChoices):
        STANDARD = "standard", _("Standard (JSON event)")
        CAMS = "cams", _("Cams (RealTime)")

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused")

    class PauseReason(models.TextChoices):
        NONE = "", _("Not paused")
        MANUAL = "by_hand", _("Paused manually")
        GONE = "gone", _("The server replied 410 Gone")
        FAILING = "failing", _("Failing for days")

    name = models.CharField(_("name"), max_length=200)
    url = models.URLField(_("address"), max_length=2000)
    mode = models.CharField(_("format"), max_length=16, choices=Mode, default=Mode.STANDARD)
    secret_cipher = models.TextField(editable=False)
    previous_secret_cipher = models.TextField(blank=True, editable=False)
    previous_secret_until = models.DateTimeField(
        _("old secret valid until"), null=True, blank=True, editable=False
    )
    auth_token_cipher = models.TextField(blank=True, editable=False)
    virtual_serial = models.CharField(
        _("serial for software punches"),
        max_length=64,
        blank=True,
        help_text=_("Cams format only: the value of stgid when there is no terminal."),
    )
    include_location = models.BooleanField(_("send locations"), default=False)
    include_health = models.BooleanField(_("send health data"), default=False)
    include_unmatched = models.BooleanField(_("send unmatched punches at once"), default=False)

    state = models.CharField(
        _("state"), max_length=8, choices=State, default=State.ACTIVE, editable=False
    )
    pause_reason = models.CharField(
        _("pause reason"), max_length=8, choices=PauseReason, blank=True, default="", editable=False
    )
    # Endpoint faults back the whole endpoint off and spend no message's budget.
    failures = models.PositiveIntegerField(_("consecutive failures"), default=0, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True, editable=False)
    retry_at = models.DateTimeField(_("next attempt"), null=True, blank=True, editable=False)
    max_in_flight = models.PositiveSmallIntegerField(_("concurrent deliveries"), default=8)
    allowance = models.PositiveSmallIntegerField(
        _("concurrent deliveries now"), default=1, editable=False
    )
    # Not known to be quick: it is new, it fails, or its last answer took long. Such endpoints share
    # a small part of the hands.
    slow = models.BooleanField(default=True, editable=False)
    max_per_second = models.PositiveSmallIntegerField(
        _("maximum deliveries per second"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Empty: as fast as the server answers."),
    )
    # Up to when the pace has been used up by what was sent.
    paced_until = models.DateTimeField(null=True, blank=True, editable=False)
    # The last number given out in the endpoint's feed.
    last_position = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True, editable=False)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = _("endpoint")
        verbose_name_plural = _("endpoints")

    def __str__(self) -> str:
        return self.name


class Lane(TenantModel):
    """The one-at-a-time order of deliveries to one endpoint for one employee or device.

    `due_at` is null while nothing waits. Whoever works on a lane holds its lease: `lease_token`
    must match to change anything.
    """

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="lanes")
    key = models.CharField(max_length=80)
    due_at = models.DateTimeField(null=True)
    lease_token = models.BigIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    # Whether somebody works on it, or it was only handed over; and whether the last claim found a
    # hand-over that ran out.
    held = models.BooleanField(default=False)
    lapsed = models.BooleanField(default=False)

    objects = TenantQuerySet["Lane"].as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("endpoint", "key"), name="lane_once"),)
        indexes: ClassVar = [
            models.Index(
                fields=("endpoint", "due_at"), name="lane_due", condition=Q(due_at__isnull=False)
            ),
            models.Index(
                fields=("endpoint", "leased_until"),
                name="lane_leased",
                condition=Q(leased_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.key


def new_message_id() -> str:
    """An id for `webhook-id`: the same over all attempts of one delivery, and over replays."""
    return f"msg_{uuid.uuid4().hex}"


class DeliveryQuerySet(TenantQuerySet["Delivery"]):
    """Vocabulary of deliveries."""

    def waiting(self) -> DeliveryQuerySet:
        """Deliveries that are still to be made."""
        return self.filter(state__in=(Delivery.State.NEW, Delivery.State.WAITING))


class Delivery(TenantModel):
    """One event for one endpoint, with the bytes that every attempt sends."""

    class State(models.TextChoices):
        NEW = "new", _("New")
        WAITING = "waiting", _("Waiting")
        DELIVERED = "delivered", _("Delivered")
        DEAD = "dead", _("Dead letter")

    message_id = models.CharField(_("message"), max_length=40, unique=True, default=new_message_id)
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.PROTECT, related_name="deliveries", verbose_name=_("endpoint")
    )
    lane_key = models.CharField(_("lane"), max_length=80)
    sequence = models.BigIntegerField(_("sequence"))
    # The place in the endpoint's feed, given by the watcher under the endpoint's lock: without
    # gaps, in the order of commits.
    position = models.BigIntegerField(_("position"), null=True, editable=False)
    event_type = models.CharField(_("event"), max_length=64)
    subject = models.CharField(_("about"), max_length=64, blank=True)
    query = models.CharField(max_length=200, blank=True)
    body = models.TextField(_("body"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.NEW)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    # Message faults only (the server refused this one): the budget after which it is given up.
    refusals = models.PositiveIntegerField(_("refusals"), default=0)
    created_at = models.DateTimeField(_("accepted"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = (
            models.UniqueConstraint(
                fields=("endpoint", "lane_key", "sequence"), name="delivery_sequence_once"
            ),
        )
        indexes: ClassVar = [
            # What the watcher looks at: rows nobody has put into their lane yet.
            models.Index(fields=("id",), name="delivery_new", condition=Q(state="new")),
            # The condition as the queries write it: SQLite takes a partial index only for the very
            # same words.
            models.Index(
                fields=("endpoint", "lane_key", "sequence"),
                name="delivery_next",
                condition=Q(state="waiting"),
            ),
            models.Index(fields=("organization", "subject"), name="delivery_subject"),
            models.Index(fields=("endpoint", "position"), name="delivery_position"),
            models.Index(fields=("endpoint", "created_at"), name="delivery_accepted"),
        ]

    def __str__(self) -> str:
        return self.message_id


class Attempt(TenantModel):
    """One try at one delivery: when, how long, and what came back. Append-only."""

    append_only = True

    delivery = models.ForeignKey(
        Delivery,
        on_delete=models.PROTECT,
        related_name="attempt_records",
        verbose_name=_("delivery"),
    )
    number = models.PositiveIntegerField(_("attempt"))
    started_at = models.DateTimeField(_("started"))
    duration_ms = models.PositiveIntegerField(_("duration (ms)"))
    status = models.PositiveSmallIntegerField(_("status"), null=True)
    verdict = models.CharField(_("result"), max_length=16)
    error = models.CharField(_("error"), max_length=40, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    address = models.CharField(_("address"), max_length=64, blank=True)
    reply = models.TextField(_("reply"), blank=True)

    objects = TenantQuerySet["Attempt"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("delivery attempt")
        verbose_name_plural = _("delivery attempts")

    def __str__(self) -> str:
        return f"{self.number}: {self.status or self.error}"


class FeedKeyQuerySet(TenantQuerySet["FeedKey"]):
    """Vocabulary of feed keys."""

    def active(self) -> FeedKeyQuerySet:
        """Keys that open the feed now."""
        return self.filter(revoked_at__isnull=True, endpoint__removed_at__isnull=True)


class FeedKey(TenantModel):
    """The credential with which a customer fetches an endpoint's events, kept as a hash."""

    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.PROTECT, related_name="feed_keys", verbose_name=_("endpoint")
    )
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("ends in"), max_length=8, editable=False)
    created_at = models.DateTimeField(_("issued"), auto_now_add=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = FeedKeyQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        verbose_name = _("feed key")
        verbose_name_plural = _("feed keys")

    def __str__(self) -> str:
        return f"…{self.hint}"

    @property
    def limit_key(self) -> str:
        """What requests are counted by: all keys of an endpoint together, so that a new key is no
        new allowance.
        """
        return f"endpoint:{self.endpoint_id}"
