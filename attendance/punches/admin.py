"""The console's pages on punches: evidence to look at, and the one thing to do with it: say whose
an unmatched punch is.
"""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from attendance.models import Punch, PunchMatch, Verdict
from attendance.punches.matching import match_punch
from attendance.punches.record import DatabaseBusy
from core.admin_choices import TolerantAutocompleteSelect
from core.admin_html import badge_html, change_url, link_html, preformatted_html, table_html
from core.tenant_admin import ReadOnlyTenantAdmin
from core.tenant_visibility import visible_rows
from core.times import to_local_time
from employees.models import Employee
from webhooks.services import deliveries_about

# Every other verdict is a refusal.
VERDICT_COLOURS = {Verdict.ACCEPTED.value: "success", Verdict.UNMATCHED.value: "warning"}
# Reasons and remarks as they are stored → as people say them. What is not here is shown as it is
# stored.
REASON_LABELS: dict[str, Any] = {
    "unknown": _("no employee has this code"),
    "not_employed": _("not in service on that day"),
    "ahead_of_server": _("the clock was ahead of the server"),
    "before_2000": _("before the year 2000"),
    "too_old": _("too old"),
    "already_in": _("clocked in already"),
    "already_out": _("clocked out already"),
    "not_in": _("was not clocked in"),
    "ambiguous_time": _("ambiguous time: the clocks went back"),
    "nonexistent_time": _("nonexistent time: the clocks went forward"),
    "leap_second": _("leap second"),
    "temperature_out_of_range": _("implausible temperature"),
    "unknown_geofence": _("unknown geofence"),
    "pair_validation_skipped": _("correction: in/out sequence not checked"),
    "received_late": _("received later"),
    "unregistered": _("not registered to this employee"),
    "deactivated": _("the phone was not active"),
    "revoked": _("the phone was revoked"),
    "invalid": _("signature not made with a key of this phone"),
    "unchecked": _("could not be checked"),
    "outside": _("outside all geofences, and no allowed Wi-Fi"),
    "inaccurate": _("the position was not accurate enough"),
    "unfenced": _("no geofence applies"),
    "unreadable": _("not a valid position"),
    "inside": _("inside the geofence"),
    "near": _("within the tolerance of the geofence"),
    "network": _("an allowed Wi-Fi"),
    "unfenced_accepted": _("no geofence applies, and the policy allows that"),
    "mock_location": _("mock location"),
    "rooted": _("rooted phone"),
    "emulator": _("emulator"),
    "vpn": _("VPN"),
}
# What comes with a punch, by its name in the evidence, in the order to show it.
EVIDENCE_LABELS: dict[str, Any] = {
    "source": _("source"),
    "note": _("note"),
    "geofenceId": _("geofence id from the client"),
    "deviceId": _("device id from the client"),
    "device_id": _("scanner"),
    "status_code": _("status code"),
    "confidence": _("confidence (%)"),
    "device_uuid": _("phone"),
    "ssid_seen": _("Wi-Fi seen"),
}


class MatchStateFilter(admin.SimpleListFilter):
    """Punches that wait for somebody to say whose they are."""

    title = _("match status")
    parameter_name = "match_state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("unknown", _("Unmatched")), ("matched", _("Matched later"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "unknown":
            return queryset.unmatched()
        return queryset.filter(match__isnull=False) if self.value() == "matched" else queryset


class NeedsReviewFilter(admin.SimpleListFilter):
    """What somebody should look at: refused, or accepted with a remark."""

    title = _("needs review")
    parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("refused", _("Rejected")), ("remarked", _("With remarks"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "refused":
            return queryset.rejected()
        return queryset.exclude(flags=[]) if self.value() == "remarked" else queryset


class PunchMatchForm(forms.Form):
    """Whose a punch is."""

    employee: forms.ModelChoiceField[Employee] = forms.ModelChoiceField(
        queryset=Employee.objects.none(),
        label=_("employee"),
        widget=TolerantAutocompleteSelect(PunchMatch._meta.get_field("employee"), admin.site),
        help_text=_("Type a name or a code."),
    )

    def __init__(self, people: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["employee"].queryset = people  # type: ignore[attr-defined]


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
        return _reason_labels(", ".join(map(str, words)))

    @display(description=_("reasons"))
    def reason_table(self, punch: Punch) -> Any:
        rows = ((rule, _reason_labels(str(why))) for rule, why in sorted(punch.reasons.items()))
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
        known, rest = _evidence_rows(evidence.body)
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


def _reason_labels(reasons: str) -> str:
    """One reason, or several with commas between them, as people say them."""
    return ", ".join(
        dict.fromkeys(str(REASON_LABELS.get(why, why)) for why in reasons.split(", ") if why)
    )


def _employee_of(punch: Punch) -> Employee | None:
    """The employee of a punch, known at once or told later."""
    return punch.employee or (punch.match.employee if hasattr(punch, "match") else None)


def _is_unmatched(punch: Punch) -> bool:
    return punch.verdict == Verdict.UNMATCHED and not hasattr(punch, "match")


def _evidence_rows(body: str) -> tuple[list[tuple[Any, Any]], str]:
    """Evidence as rows of name and value, and the rest, with what was sent, as text."""
    try:
        evidence = json.loads(body)
    except ValueError:
        evidence = None
    if not isinstance(evidence, dict):
        return [], body
    rows = [
        (label, evidence.pop(name))
        for name, label in EVIDENCE_LABELS.items()
        if evidence.get(name) is not None
    ]
    if health := evidence.pop("health", None):
        rows += [
            (_("temperature (°C)"), health.get("temperature")),
            (_("mask"), _yes_or_no(health.get("mask"))),
        ]
    if place := evidence.pop("location", None):
        rows.append((_("location"), _location_text(place)))
    rows += _phone_evidence_rows(evidence)
    if attestation := evidence.pop("attestation", None):
        rows.append((_("attestation, recorded and not verified"), attestation.get("vendor") or "–"))
        evidence["attestation"] = attestation.get("blob")
    left = {name: value for name, value in evidence.items() if value is not None}
    return [(label, "–" if value is None else value) for label, value in rows], _readable_json(left)


def _phone_evidence_rows(evidence: dict[str, Any]) -> list[tuple[Any, Any]]:
    """What a phone said of itself, and how its place was judged; taken out of the evidence."""
    rows: list[tuple[Any, Any]] = []
    if (spoof := evidence.pop("anti_spoof", None)) is not None:
        said = [str(REASON_LABELS.get(name, name)) for name, holds in spoof.items() if holds]
        rows.append((_("reported by the phone"), ", ".join(said) or _("nothing unusual")))
    if judged := evidence.pop("judged", None):
        why, fence, outside_m = (
            REASON_LABELS.get(judged["why"], judged["why"]),
            judged.get("fence"),
            judged.get("outside_m"),
        )
        seen = (
            link_html(reverse("admin:geofences_geofence_change", args=(fence,)), f"#{fence}")
            if fence
            else ""
        )
        far = _("%(metres)d m outside") % {"metres": outside_m} if outside_m else ""
        rows.append((_("geofence result"), format_html("{} {} {}", why, seen, far)))
    return rows


def _location_text(location: dict[str, Any]) -> str:
    accuracy = location.get("accuracy_m")
    return f"{location.get('latitude')}, {location.get('longitude')}" + (
        f" ± {accuracy} m" if accuracy is not None else ""
    )


def _yes_or_no(value: Any) -> Any:
    return None if value is None else _("yes") if value else _("no")


def _readable_json(left: dict[str, Any]) -> str:
    """What was sent, readable: text that is JSON itself is opened up."""
    opened = {}
    for name, value in left.items():
        try:
            opened[name] = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            opened[name] = value
    return json.dumps(opened, indent=2, ensure_ascii=False)


class PunchMatchAdmin(ReadOnlyTenantAdmin):
    """Who said afterwards whose a punch is."""

    fieldsets = ((None, {"fields": ("punch", "employee", ("matched_at", "matched_by"))}),)
    list_display = ("matched_at", "punch", "employee", "by")
    list_select_related = ("punch", "employee", "matched_by", "organization")
    search_fields = ("=punch__user_code", "employee__name", "=employee__code")
    empty_title = _("No matches yet")
    empty_text = _(
        "Open an unmatched punch and choose its employee, or enter the code on the employee's page:"
        " the punch is then matched automatically."
    )

    @display(description=_("by"))
    def by(self, match: PunchMatch) -> Any:
        return match.matched_by or _("automatically, when the code was entered")


class IngestionLogEntryAdmin(ReadOnlyTenantAdmin):
    """What each request brought."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("at", "channel"),
                    "received",
                    ("accepted", "refused", "unmatched"),
                    ("duplicate", "conflict"),
                )
            },
        ),
    )
    list_display = (
        "at",
        "channel",
        "received",
        "accepted",
        "refused",
        "unmatched",
        "duplicate",
        "conflict",
    )
    list_filter = ("channel",)
    list_select_related = ("organization",)
    date_hierarchy = "at"
    show_full_result_count = False
    empty_title = _("No requests yet")
    empty_text = _(
        "Every request from a device or another client has one row here: the number received equals"
        " the sum of the outcomes."
    )
