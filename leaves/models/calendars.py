"""The holiday calendar of one office in one year, and its dates. `leaves.work_calendars` turns
published versions into values.
"""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from leaves.models.validators import validate_weekly_offs


class HolidayCalendarQuerySet(TenantQuerySet["HolidayCalendar"]):
    """Vocabulary of calendars."""

    def published(self) -> HolidayCalendarQuerySet:
        """Those in force, or once in force; the highest version of an office and year holds."""
        return self.filter(published_at__isnull=False)


class HolidayCalendar(TenantModel):
    """The holidays of one office in one year. Published: fixed; a change is a new version."""

    site = models.ForeignKey(
        "employees.Site",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("office"),
        help_text=_("Empty: every office without its own holiday calendar."),
    )
    year = models.PositiveSmallIntegerField(
        _("year"), validators=[MinValueValidator(1950), MaxValueValidator(2200)]
    )
    version = models.PositiveSmallIntegerField(_("version"), default=1, editable=False)
    weekly_offs = models.CharField(
        _("weekly offs"),
        max_length=60,
        default="SAT,SUN",
        blank=True,
        validators=[validate_weekly_offs],
        help_text=_(
            "SAT,SUN for a five-day week, SUN for six days, SUN,SAT2,SAT4 for the second and fourth"
            " Saturday."
        ),
    )
    order_no = models.CharField(
        _("order"), max_length=200, blank=True, help_text=_("The order the list comes from.")
    )
    published_at = models.DateTimeField(_("published"), null=True, blank=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        verbose_name=_("published by"),
    )

    objects = HolidayCalendarQuerySet.as_manager()

    class Meta:
        ordering = ("-year", "site", "-version")
        verbose_name = _("holiday calendar")
        verbose_name_plural = _("holiday calendars")
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "site", "year", "version"),
                name="calendar_version_once",
                condition=Q(site__isnull=False),
            ),
            models.UniqueConstraint(
                fields=("organization", "year", "version"),
                name="common_calendar_version_once",
                condition=Q(site__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.site or _('All offices')} {self.year} · {self.version}"


class CalendarDay(TenantModel):
    """A date that is not as its weekday would be."""

    class Mark(models.TextChoices):
        CLOSED = "CLOSED", _("Closed")
        RESTRICTED = "RESTRICTED", _("Restricted holiday")
        LOCAL = "LOCAL", _("Closed here only")
        WORKING_DAY = "WORKING_DAY", _("Working day")

    calendar = models.ForeignKey(
        HolidayCalendar,
        on_delete=models.CASCADE,
        related_name="days",
        verbose_name=_("holiday calendar"),
    )
    date = models.DateField(_("date"))
    mark = models.CharField(_("class"), max_length=12, choices=Mark)
    name = models.CharField(_("name"), max_length=120)

    objects = TenantQuerySet["CalendarDay"].as_manager()

    class Meta:
        ordering = ("date",)
        verbose_name = _("holiday")
        verbose_name_plural = _("holidays")
        constraints = (
            models.UniqueConstraint(fields=("calendar", "date"), name="calendar_day_once"),
        )

    def __str__(self) -> str:
        return f"{self.date} {self.name}"
