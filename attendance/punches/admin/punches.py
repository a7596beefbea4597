"""The console's page on a punch: its evidence to look at, and the one action: to match an unmatched
punch to an employee.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from attendance.models import Punch, Verdict
from attendance.punches.admin.evidence import evidence_rows
from attendance.punches.admin.filters import MatchStateFilter, NeedsReviewFilter
from attendance.punches.admin.labels import reason_labels
from attendance.punches.admin.matches import PunchMatchForm
from attendance.punches.matching import match_punch
from attendance.punches.record import DatabaseBusy
from core.admin_html import badge_html, change_url, link_html, preformatted_html, table_html
from core.tenant_admin import ReadOnlyTenantAdmin
from core.tenant_visibility import visible_rows
from core.times import to_local_time
from employees.models import Employee
from webhooks.services import deliveries_about

# Every other verdict is a refusal.
VERDICT_COLOURS = {Verdict.ACCEPTED.value: "success", Verdict.UNMATCHED.value: "warning"}


class PunchAdmin(ReadOnlyTenantAdmin):
    """Every punch as it came in, and what was decided about it."""

    fieldsets = (
        (
            None,
            {"fields": (("badge", "direction"), ("person", "user_code"), ("local_time", "zone"))},
        ),
        (
            _("Source"),
            {
                "fields": (
                    ("channel", "device"),
                    ("source", "key"),
                    ("received_at", "occurred_text"),
                    ("raw_state", "raw_input_type"),
                )
            },
        ),
        (_("Decision"), {"fields": ("reason_table", "remarks")}),
    )
    readonly_fields = (
        "badge",
        "person",
        "local_time",
        "reason_table",
        "remarks",
        "evidence_table",
        "delivery_table",
    )
    list_display = (
        "local_time",
        "person",
        "user_code",
        "direction",
        "badge",
        "channel",
        "device",
        "remarks",
    )
    list_filter = (
        MatchStateFilter,
        NeedsReviewFilter,
        "verdict",
        "channel",
        "direction",
        "received_late",
        "device",
    )
    list_select_related = ("employee", "device", "match__employee", "organization")
    date_hierarchy = "occurred_at"
    search_fields = ("=user_code", "employee__name", "=employee__code", "match__employee__name")
    search_help_text = _("User code as received, or an employee's name or code")
    extra_lookups = ("employee",)
    show_full_result_count = False
    actions_detail = ("match",)
    empty_title = _("No punches yet")
    empty_text = _(
        "Issue a token for a device and send a punch from it: the punch appears here within a"
        " second."
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Location, health data and the like only for those who may see them."""
        fieldsets = super().get_fieldsets(request, obj)
        if request.user.has_perm("attendance.view_punchevidence"):
            fieldsets.append((_("Evidence"), {"fields": ("evidence_table",)}))
        if request.user.has_perm("webhooks.view_delivery"):
            fieldsets.append((_("Pushes to customers"), {"fields": ("delivery_table",)}))
        return fieldsets

    @display(description=_("punch time"), ordering="occurred_at")
    def local_time(self, punch: Punch) -> str:
        """The clock on the wall where it happened."""
        # A time in UTC says nothing about the place: the organization's clock is nearer to it.
        at = (
            localtime(punch.occurred_at)
            if punch.zone == "+00:00"
            else to_local_time(punch.occurred_at, punch.zone)
        )
        return f"{at:%Y-%m-%d %H:%M:%S}"

    @display(description=_("employee"), ordering="employee__name")
    def person(self, punch: Punch) -> Any:
        employee = _employee_of(punch)
        return link_html(change_url(employee), employee) if employee else "–"

    @display(description=_("verdict"), ordering="verdict")
    def badge(self, punch: Punch) -> SafeString:
        if punch.verdict == Verdict.UNMATCHED and hasattr(punch, "match"):
            return badge_html(_("Matched"), "success")
        return badge_html(punch.get_verdict_display(), VERDICT_COLOURS.get(punch.verdict, "danger"))

    @display(description=_("remarks"))
    def remarks(self, punch: Punch) -> str:
        """What makes it worth a second look; an ordinary punch has none."""
        words = [
            *punch.reasons.values(),
            *punch.flags,
            *(["received_late"] if punch.received_late else []),
        ]
        # What refused a phone's punch is often what it is flagged with too: said once.
        return reason_labels(", ".join(map(str, words)))

    @display(description=_("reasons"))
    def reason_table(self, punch: Punch) -> Any:
        rows = ((rule, reason_labels(str(why))) for rule, why in sorted(punch.reasons.items()))
        return table_html((_("rule"), _("why")), rows, _("No reasons recorded."))

    @display(description=_("as received"))
    def evidence_table(self, punch: Punch) -> Any:
        evidence = getattr(punch, "evidence", None)
        if evidence is None:
            return _("No evidence was received.")
        if evidence.erased_at is not None:
            return _("Erased on %(day)s. The punch itself is kept.") % {
                "day": f"{evidence.erased_at:%Y-%m-%d}"
            }
        known, rest = evidence_rows(evidence.body)
        return format_html(
            "{}{}", table_html((_("what"), _("value received")), known, ""), preformatted_html(rest)
        )

    @display(description=_("deliveries"))
    def delivery_table(self, punch: Punch) -> SafeString:
        rows = (
            (
                link_html(change_url(one), one.endpoint),
                one.get_state_display(),
                one.attempts,
                one.finished_at or "–",
            )
            for one in deliveries_about(punch.organization_id, f"punch:{punch.pk}")
        )
        nobody = _("Not pushed: the punch does not count (yet), or there was no endpoint.")
        return table_html((_("endpoint"), _("state"), _("attempts"), _("finished")), rows, nobody)

    # Matching
    def has_match_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("attendance.add_punchmatch"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what waits for a person can be matched to one."""
        punch = self.get_object(request, str(object_id))
        return (
            list(super().get_actions_detail(request, object_id))
            if punch is not None and _is_unmatched(punch)
            else []
        )

    @action(
        description=_("Match to employee…"),
        url_path="match",
        icon="person_add",
        variant=ActionVariant.PRIMARY,
        permissions=["match"],
    )
    def match(self, request: HttpRequest, object_id: str) -> HttpResponse:
        punch = self.object_or_404(request, object_id)
        if punch.verdict != Verdict.UNMATCHED:
            raise Http404
        people = visible_rows(request, Employee.objects.of(punch.organization_id))
        form = PunchMatchForm(people, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                match_punch(punch, form.cleaned_data["employee"], actor=request.user)  # type: ignore[arg-type]
            except ValidationError as error:
                form.add_error(None, ValidationError(error.messages))
            except DatabaseBusy:
                form.add_error(
                    None, _("The database is busy; nothing was changed. Try again in a moment.")
                )
            else:
                return self.finish_action(
                    request,
                    punch,
                    _("Matched. The punch counts from now on and is pushed to the endpoints."),
                )
        return self.render_page(
            request,
            "match",
            punch,
            title=_("Match this punch to an employee"),
            form=form,
            media=form.media,
            local_time=self.local_time(punch),
        )


def _employee_of(punch: Punch) -> Employee | None:
    """The employee of a punch, known when it came or matched later."""
    return punch.employee or (punch.match.employee if hasattr(punch, "match") else None)


def _is_unmatched(punch: Punch) -> bool:
    return punch.verdict == Verdict.UNMATCHED and not hasattr(punch, "match")
