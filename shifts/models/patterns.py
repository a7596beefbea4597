"""Shift patterns: the shifts of a week or a rotation, in order."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from shifts import schedule
from shifts.models.shift_types import ShiftType


class ShiftPattern(TenantModel):
    """Shifts in turn, one for each day from a first date on, over and over: seven of them are a
    week, more a rotation.
    """

    name = models.CharField(_("name"), max_length=100)
    begins_on = models.DateField(
        _("first day of the first cycle"),
        help_text=_("A Monday for a week. The pattern runs in both directions from here."),
    )
    calendar_offs = models.BooleanField(
        _("use the calendar's weekly offs too"),
        default=True,
        help_text=_("Weekly offs in the office calendar are off days as well."),
    )

    objects = TenantQuerySet["ShiftPattern"].as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = _("shift pattern")
        verbose_name_plural = _("shift patterns")
        constraints = (
            models.UniqueConstraint(fields=("organization", "name"), name="pattern_name_once"),
        )

    def __str__(self) -> str:
        return self.name

    def as_pattern(self) -> schedule.Pattern:
        """As the rules take it: days without a slot are off. Reads `slots` and their shifts."""
        slots = {slot.position: slot.shift for slot in self.slots.all()}
        cycle = [slots.get(number) for number in range(1, max(slots, default=0) + 1)]
        return schedule.Pattern(
            tuple(shift.as_shift() if shift else None for shift in cycle),
            self.begins_on,
            self.calendar_offs,
        )


class PatternSlot(TenantModel):
    """The shift of one day of a pattern; none is a day off."""

    pattern = models.ForeignKey(
        ShiftPattern, on_delete=models.CASCADE, related_name="slots", verbose_name=_("pattern")
    )
    position = models.PositiveSmallIntegerField(_("day"), help_text=_("1 is the first day."))
    shift = models.ForeignKey(
        ShiftType,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("shift"),
        help_text=_("Empty: off."),
    )

    objects = TenantQuerySet["PatternSlot"].as_manager()

    class Meta:
        ordering = ("position",)
        verbose_name = _("pattern day")
        verbose_name_plural = _("pattern days")
        constraints = (
            models.UniqueConstraint(fields=("pattern", "position"), name="pattern_position_once"),
            models.CheckConstraint(
                condition=Q(position__gte=1, position__lte=366), name="pattern_position_in_bounds"
            ),
        )

    def __str__(self) -> str:
        return f"{self.position}: {self.shift or _('off')}"
