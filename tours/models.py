"""Tours and other duty away from the office: what was applied for, what was decided, and what
became of it.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core import attachments
from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Employee


class TourQuerySet(TenantQuerySet["Tour"]):
    """Vocabulary of tours."""

    def counted_as_duty(self) -> TourQuerySet:
        """Those that count as duty: approved, and over."""
        return self.filter(status__in=(Tour.Status.APPROVED, Tour.Status.COMPLETED))

    def submitted(self) -> TourQuerySet:
        """All but drafts, which are their traveller's alone."""
        return self.exclude(status=Tour.Status.DRAFT)


def tour_document_path(document: TourDocument, _name: str) -> str:
    """Where an uploaded paper lies: a name nobody can guess, out of reach of the web server."""
    return attachments.upload_path("tour-papers", document.organization_id)


class Tour(TenantModel):
    """An absence on duty from headquarters, between two instants. A draft takes no half-days, and
    nobody else knows of it.
    """

    class Type(models.TextChoices):
        TOUR = "TOUR", _("Tour")
        LOCAL_TOUR = "LOCAL_TOUR", _("Local tour")
        TRAINING = "TRAINING", _("Training")
        WFH = "WFH", _("Work from home")

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PENDING = "pending", _("Pending")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        CANCELLED = "cancelled", _("Cancelled")
        COMPLETED = "completed", _("Completed")

    ACTIVE_STATUSES: ClassVar = (Status.PENDING, Status.APPROVED)

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    tour_type = models.CharField(_("type"), max_length=12, choices=Type, default=Type.TOUR)
    purpose = models.CharField(_("purpose"), max_length=500)
    places = models.JSONField(_("places"), default=list, blank=True)
    start_at = models.DateTimeField(_("departure"))
    end_at = models.DateTimeField(_("return"))
    order_no = models.CharField(_("office order"), max_length=120, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.PENDING)
    applied_at = models.DateTimeField(_("requested"), auto_now_add=True)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    remarks = models.CharField(_("remarks"), max_length=500, blank=True)
    report = models.CharField(_("return report"), max_length=2000, blank=True)

    objects = TourQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("tour")
        verbose_name_plural = _("tours")
        constraints = (
            models.CheckConstraint(
                condition=Q(end_at__gt=F("start_at")),
                name="tour_ends_after_start",
                violation_error_message=_("The return is before the departure."),
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=("organization", "employee", "start_at"), name="tour_person_start"),
            models.Index(fields=("organization", "status"), name="tour_status"),
        ]

    def __str__(self) -> str:
        return f"{self.employee} · {self.get_tour_type_display()} {self.start_at:%Y-%m-%d}"

    @property
    def reservation_holder(self) -> str:
        """Its name in the reservations of half-days."""
        return f"tour:{self.pk}"


class TourDocument(attachments.Attachment):
    """A paper about a tour, stored privately. Handed in before the tour, and then named by it; of
    one tour at most.
    """

    class Kind(models.TextChoices):
        ORDER = "ORDER", _("Tour order")
        INVITATION = "INVITATION", _("Invitation")
        OTHER = "OTHER", _("Other document")

    kind = models.CharField(_("document type"), max_length=12, choices=Kind, default=Kind.OTHER)
    file = models.FileField(_("file"), upload_to=tour_document_path, max_length=200)
    tour = models.ForeignKey(
        Tour,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="documents",
        verbose_name=_("tour"),
    )

    objects = TenantQuerySet["TourDocument"].as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name = _("tour document")
        verbose_name_plural = _("tour documents")

    def __str__(self) -> str:
        return f"{self.employee} · {self.get_kind_display()} {self.uploaded_at:%Y-%m-%d}"


class TourEvent(TenantModel):
    """What was done to a tour, by whom and when: append-only."""

    append_only = True

    class Action(models.TextChoices):
        APPLIED = "applied", _("Applied")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        CANCELLED = "cancelled", _("Cancelled")
        CURTAILED = "curtailed", _("Curtailed")
        EXTENDED = "extended", _("Extended")
        COMPLETED = "completed", _("Completed")

    tour = models.ForeignKey(
        Tour, on_delete=models.PROTECT, related_name="events", verbose_name=_("tour")
    )
    at = models.DateTimeField(_("at"))
    action = models.CharField(_("action"), max_length=10, choices=Action)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("by"),
    )
    remarks = models.CharField(_("remarks"), max_length=500, blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True)

    objects = TenantQuerySet["TourEvent"].as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name = _("tour event")
        verbose_name_plural = _("tour events")

    def __str__(self) -> str:
        return f"{self.action} {self.at:%Y-%m-%d %H:%M}"
