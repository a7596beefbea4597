"""The console's pages on shifts, patterns and rosters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import formats, timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSingleDateWidget, UnfoldAdminTextareaWidget

from core.action_pages import ActionFormMixin
from core.admin_forms import TenantForm
from core.admin_html import table_html
from core.admin_inlines import TenantInline
from core.tenant_admin import TenantAdmin
from employees.models import Department, Employee, Site
from shifts import services as shift_services
from shifts.models import PatternSlot, Roster, ShiftPattern, ShiftSettings, ShiftType


class BreaksField(forms.CharField):
    """Breaks as a clerk writes them: `13:00-13:30`, several with commas between."""

    def prepare_value(self, value: Any) -> Any:
        return (
            ", ".join(f"{begins}-{ends}" for begins, ends in value)
            if isinstance(value, list)
            else value
        )

    def to_python(self, value: Any) -> Any:
        """`[["13:00", "13:30"]]`. Raises ValidationError."""
        if isinstance(value, list):
            return value
        found = []
        for part in (one.strip() for one in str(value or "").split(",") if one.strip()):
            begins, dash, ends = part.replace("–", "-").partition("-")
            try:
                clock = [forms.TimeField().clean(one.strip()) for one in (begins, ends)]
            except ValidationError as error:
                raise ValidationError(
                    _("Write breaks as 13:00-13:30, with commas between several.")
                ) from error
            if not dash:
                raise ValidationError(
                    _("Write breaks as 13:00-13:30, with commas between several.")
                )
            found.append([f"{one:%H:%M}" for one in clock])
        return found


class ShiftTypeForm(TenantForm):
    """A shift, with its breaks as text."""

    breaks = BreaksField(
        label=_("breaks"),
        required=False,
        help_text=_("Such as 13:00-13:30; the first divides the day into its halves."),
    )


@admin.register(ShiftType)
class ShiftTypeAdmin(TenantAdmin):
    """Kinds of shift."""

    form = ShiftTypeForm
    save_functions: ClassVar = {ShiftType: shift_services.save_shift}
    fieldsets = (
        (None, {"fields": ("name", ("starts", "ends"), "breaks")}),
        (_("Punch window"), {"fields": (("before", "after"), "repeat_s")}),
        (_("Late and early"), {"fields": (("grace_in", "grace_out"),)}),
        (
            _("Day status"),
            {"fields": ("hours", ("half_below", "absent_below"), "missing_out")},
        ),
        (_("Overtime"), {"fields": (("overtime_after", "overtime_round"),)}),
    )
    list_display = ("name", "starts", "ends", "hours", "missing_out", "overtime_after")
    list_select_related = ("organization",)
    search_fields = ("name",)
    empty_title = _("No shifts yet")
    empty_text = _(
        "Without a shift everybody works 09:00 to 17:30. Add a shift and a shift pattern, and"
        " assign the pattern with a roster."
    )


class PatternSlotInline(TenantInline):
    """The days of a pattern, in turn."""

    model = PatternSlot
    fields = ("position", "shift")
    can_delete = True
    extra = 7
    verbose_name_plural = _("days in order; a day without a shift is an off day")


@admin.register(ShiftPattern)
class ShiftPatternAdmin(TenantAdmin):
    """Shifts in turn: a week, or a rotation."""

    save_functions: ClassVar = {
        ShiftPattern: shift_services.save_pattern,
        PatternSlot: shift_services.save_slot,
    }
    fieldsets = ((None, {"fields": ("name", ("begins_on", "calendar_offs"))}),)
    shown = ((_("Next four weeks"), {"fields": ("chart",)}),)
    readonly_fields = ("chart",)
    inlines = (PatternSlotInline,)
    list_display = ("name", "begins_on", "shifts_in_order", "calendar_offs")
    list_select_related = ("organization",)
    search_fields = ("name",)
    empty_title = _("No patterns yet")
    empty_text = _("A weekly pattern has seven days. A rotation has as many days as needed.")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("slots__shift")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, *self.shown] if obj else found

    def remove_row(self, row: Any) -> None:
        shift_services.remove_slot(row)

    @display(description=_("shifts in order"))
    def shifts_in_order(self, pattern: ShiftPattern) -> str:
        return " · ".join(
            one.shift.name if one.shift else str(_("off")) for one in pattern.slots.all()
        )

    @display(description=_("shifts by date"))
    def chart(self, pattern: ShiftPattern) -> Any:
        pure = pattern.as_pattern()
        first = timezone.localdate() - timedelta(days=timezone.localdate().weekday())
        weeks = [
            [first + timedelta(days=7 * week + number) for number in range(7)] for week in range(4)
        ]
        rows = [[_slot_text(pure.on(on)) for on in week] for week in weeks]
        head = [formats.date_format(on, "D") for on in weeks[0]]
        named = (
            (formats.date_format(week[0], "j M"), *row)
            for week, row in zip(weeks, rows, strict=True)
        )
        return table_html((_("Week of"), *head), named, "")


def _slot_text(found: tuple[Any, bool]) -> Any:
    shift, off = found
    return _("off") if off or shift is None else shift.name


class BulkRosterForm(forms.Form):
    """For whom a pattern is to hold, many at once."""

    starts_on = forms.DateField(label=_("From"), widget=UnfoldAdminSingleDateWidget)
    ends_on = forms.DateField(
        label=_("To (empty: until further notice)"),
        required=False,
        widget=UnfoldAdminSingleDateWidget,
    )
    codes = forms.CharField(
        label=_("Employee codes, one a line"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        max_length=200_000,
    )
    departments: forms.ModelMultipleChoiceField[Department] = forms.ModelMultipleChoiceField(
        queryset=Department.objects.none(),
        label=_("Departments"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    sites: forms.ModelMultipleChoiceField[Site] = forms.ModelMultipleChoiceField(
        queryset=Site.objects.none(),
        label=_("Sites"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, organization: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        self.fields["departments"].queryset = Department.objects.of(organization)  # type: ignore[attr-defined]
        self.fields["sites"].queryset = Site.objects.of(organization)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Codes as employees; somebody has to be named, and the dates the right way round."""
        found: dict[str, Any] = super().clean() or {}
        codes = list(
            dict.fromkeys(
                line.strip() for line in found.get("codes", "").splitlines() if line.strip()
            )
        )
        people = {
            one.code: one for one in Employee.objects.of(self.organization).filter(code__in=codes)
        }
        if missing := [code for code in codes if code not in people]:
            raise ValidationError(
                {
                    "codes": (
                        _("No employee has the code %(codes)s.")
                        % {"codes": ", ".join(missing[:10])}
                    )
                }
            )
        if not people and not found.get("departments") and not found.get("sites"):
            raise ValidationError(_("Enter employee codes, departments or sites."))
        if (
            found.get("starts_on")
            and found.get("ends_on")
            and found["ends_on"] < found["starts_on"]
        ):
            raise ValidationError({"ends_on": _("The roster ends before it starts.")})
        return found | {"employees": list(people.values())}


@admin.register(Roster)
class RosterAdmin(ActionFormMixin, TenantAdmin):
    """Who works by which pattern, from when to when."""

    save_functions: ClassVar = {Roster: shift_services.save_roster}
    deletable = True
    fieldsets = (
        (
            None,
            {"fields": ("pattern", ("employee", "department", "site"), ("starts_on", "ends_on"))},
        ),
    )
    autocomplete_fields = ("employee",)
    list_display = ("pattern", "assigned_to", "starts_on", "ends_on")
    list_filter = ("pattern", "department", "site")
    list_select_related = ("pattern", "employee", "department", "site", "organization")
    search_fields = ("employee__name", "=employee__code", "pattern__name")
    actions_detail = ("assign_many",)
    empty_title = _("No rosters yet")
    empty_text = _(
        "A roster assigns a pattern to one employee, a department, a site, or everybody."
    )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        shift_services.remove_roster(obj)

    @display(description=_("assigned to"))
    def assigned_to(self, roster: Roster) -> Any:
        return roster.assigned_to

    def has_assign_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("shifts.add_roster"))

    @action(
        description=_("Assign this pattern to many…"),
        url_path="many",
        icon="group_add",
        permissions=["assign"],
    )
    def assign_many(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The pattern of this roster, for many others at once."""
        one = self.object_or_404(request, object_id)
        form = BulkRosterForm(
            one.organization_id, request.POST if request.method == "POST" else None
        )
        return self.action_page(
            request,
            one,
            form,
            lambda said: shift_services.assign_many(
                one.pattern,
                said["starts_on"],
                said["ends_on"],
                employees=said["employees"],
                departments=said["departments"],
                sites=said["sites"],
            ),
            _("Assigned. Their days are recalculated in the background."),
            title=_("Assign %(pattern)s to many") % {"pattern": one.pattern},
            button=_("Assign"),
            question=_(
                "One roster is created for each of them. If one is not valid, none is created."
            ),
        )


@admin.register(ShiftSettings)
class ShiftSettingsAdmin(TenantAdmin):
    """The shift where no roster says otherwise; one row for each organization."""

    save_functions: ClassVar = {ShiftSettings: shift_services.save_shift_settings}
    fieldsets = ((None, {"fields": ("default_shift",)}),)
    list_display = ("__str__", "default_shift", "organization")
    list_select_related = ("default_shift", "organization")
    empty_title = _("No shift settings yet")
    empty_text = _("Where no roster says otherwise, everybody works 09:00 to 17:30.")
