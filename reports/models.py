"""Reports that are made in the background, and screens of the live board.

For a report the row is the queue: `reports.jobs.services` writes it, `reports.jobs.runner`
processes it.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Site


class ReportJobQuerySet(TenantQuerySet["ReportJob"]):
    """Vocabulary of jobs."""

    def unfinished(self) -> ReportJobQuerySet:
        """Those that wait or run."""
        return self.filter(state__in=ReportJob.UNFINISHED_STATES)

    def leased(self, job_id: int, token: int) -> ReportJobQuerySet:
        """The job of a worker, as long as it is that worker's: whoever was stopped and wakes up
        late finds nothing here.
        """
        return self.filter(pk=job_id, token=token, state=ReportJob.State.RUNNING)


class ReportJob(TenantModel):
    """A report somebody asked for, how far it is, and for a while its file.

    Workers take it by `token`, which each taking makes greater, and hold it until `lease_until`.
    `done` of `total` steps are done; `size` is in bytes; `parameters` is a JSON object of text, as
    the report's form takes it.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Ready")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")
        EXPIRED = "expired", _("Expired")

    UNFINISHED_STATES: ClassVar = (State.QUEUED, State.RUNNING)

    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="report_jobs",
        verbose_name=_("requested by"),
    )
    report = models.CharField(_("report"), max_length=60)
    format = models.CharField(_("format"), max_length=10)
    parameters = models.TextField(_("parameters"), default="{}")
    language = models.CharField(_("language"), max_length=10, default="en")
    # Of what was asked for, and in which language and format: the same question asked twice is one
    # job.
    fingerprint = models.CharField(max_length=64, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    done = models.PositiveBigIntegerField(_("steps completed"), default=0)
    total = models.PositiveBigIntegerField(_("total steps"), default=0)
    rows = models.PositiveBigIntegerField(_("rows"), default=0)
    size = models.PositiveBigIntegerField(_("size"), default=0)
    # What the file is called when it is downloaded, and its name in the private folder.
    name = models.CharField(_("file"), max_length=150, blank=True)
    file = models.CharField(max_length=150, blank=True, editable=False)
    error = models.CharField(_("failure reason"), max_length=20, blank=True)
    created_at = models.DateTimeField(_("requested"))
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    expires_at = models.DateTimeField(_("available until"), null=True, blank=True)
    token = models.BigIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    # Which of its organization's places to run in it has: the database lets nobody have two jobs in
    # one.
    slot = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)

    objects = ReportJobQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("report")
        verbose_name_plural = _("my reports")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("asked_by", "fingerprint"),
                condition=Q(state__in=("queued", "running")),
                name="report_job_asked_once",
            ),
            models.UniqueConstraint(fields=("organization", "slot"), name="report_job_slot_once"),
            models.CheckConstraint(
                condition=Q(state="running", slot__isnull=False, lease_until__isnull=False)
                | ~Q(state="running") & Q(slot__isnull=True, lease_until__isnull=True),
                name="report_job_runs_in_slot",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=("state", "id"),
                condition=Q(state__in=("queued", "running")),
                name="report_job_open",
            ),
            models.Index(
                fields=("expires_at",), condition=Q(state="done"), name="report_job_expiry"
            ),
            models.Index(fields=("organization", "started_at"), name="report_job_turn"),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.report}.{self.format}"

    @property
    def is_unfinished(self) -> bool:
        """Whether it waits or runs."""
        return self.state in self.UNFINISHED_STATES

    @property
    def parameter_values(self) -> dict[str, str]:
        """What was asked for, field by field."""
        found: dict[str, str] = json.loads(self.parameters)
        return found

    @property
    def percent(self) -> int:
        """How far it is, 0 to 100; only what is ready is at 100."""
        if self.state in (self.State.DONE, self.State.EXPIRED):
            return 100
        return min(99, self.done * 100 // self.total) if self.total else 0

    def is_expired(self, now: datetime) -> bool:
        """Whether its file is not handed out any more."""
        return self.state == self.State.EXPIRED or (
            self.expires_at is not None and self.expires_at <= now
        )


class Screen(TenantModel):
    """A screen that shows the live board to whoever passes: counts of one site, or of all."""

    name = models.CharField(
        _("name"), max_length=100, help_text=_("Location of the screen, such as Lobby.")
    )
    site = models.ForeignKey(
        Site,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("site"),
        help_text=_("Empty: all sites."),
    )
    language = models.CharField(
        _("language"), max_length=10, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE
    )
    token_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)
    issued_at = models.DateTimeField(_("address issued"), null=True, editable=False)

    objects = TenantQuerySet["Screen"].as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = _("screen")
        verbose_name_plural = _("screens")
        constraints = (
            models.UniqueConstraint(fields=("organization", "name"), name="screen_name_once"),
        )

    def __str__(self) -> str:
        return self.name
