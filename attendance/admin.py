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

from attendance import days_admin as _days_admin  # noqa: F401  Registers its pages.
from attendance import import_admin as _import_admin  # noqa: F401  The same.
from attendance import inbox_admin as _inbox_admin  # noqa: F401
from attendance import lateness_admin as _lateness_admin  # noqa: F401
from attendance.matching import match_punch
from attendance.models import IngestCount, Punch, PunchMatch, Verdict
from attendance.services import Busy
from attendance.times import local
from employees.console import (
    ForgivingAutocomplete,
    ReadOnlyTenantAdmin,
    badge_html,
    change_url,
    link,
    preformatted,
    small_table,
    within,
)
from employees.models import Employee
from webhooks.admin import deliveries_of

# Every other verdict is a refusal.
COLOURS = {Verdict.ACCEPTED.value: "success", Verdict.UNMATCHED.value: "warning"}
# Reasons and remarks as they are stored → as people say them. What is not here is shown as it is
# stored.
WORDS: dict[str, Any] = {
    "unknown": _("nobody has this number"),
    "not_employed": _("not in service on that day"),
    "ahead_of_server": _("the clock was ahead"),
    "before_2000": _("before the year 2000"),
    "too_old": _("too long ago"),
    "already_in": _("clocked in already"),
    "already_out": _("clocked out already"),
    "not_in": _("was not clocked in"),
    "ambiguous_time": _("a time that the clock showed twice"),
    "nonexistent_time": _("a time that the clock skipped"),
    "leap_second": _("leap second"),
    "temperature_out_of_range": _("temperature nobody has"),
    "unknown_geofence": _("fence unknown here"),
    "pair_validation_skipped": _("correction: turns not checked"),
    "late": _("late"),
    "unregistered": _("not a phone of this employee"),
    "deactivated": _("the phone was not in service"),
    "revoked": _("the phone was revoked"),
    "invalid": _("not made with a key of this phone"),
    "unchecked": _("could not be checked"),
    "outside": _("outside every fence, and no allowed Wi-Fi"),
    "inaccurate": _("the position was too poor"),
    "unfenced": _("no fence applies"),
    "unreadable": _("no place on earth"),
    "inside": _("inside the fence"),
    "near": _("near enough to the fence"),
    "network": _("an allowed Wi-Fi"),
    "unfenced_accepted": _("no fence applies, and the rules let that pass"),
    "mock_location": _("position mocked"),
    "rooted": _("phone rooted"),
    "emulator": _("emulator"),
    "vpn": _("VPN"),
}
# What comes with a punch, by its name in the evidence, in the order to show it.
EVIDENCE: dict[str, Any] = {
    "source": _("source"),
    "note": _("note"),
    "geofenceId": _("fence as named by the client"),
    "deviceId": _("device as named by the client"),
    "device_id": _("scanner"),
    "status_code": _("status code"),
    "confidence": _("confidence (%)"),
    "device_uuid": _("phone"),
    "ssid_seen": _("Wi-Fi seen"),
}


class WaitingFilter(admin.SimpleListFilter):
    """Punches that wait for somebody to say whose they are."""

    title = _("whose it is")
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("unknown", _("Nobody known yet")), ("matched", _("Matched afterwards"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "unknown":
            return queryset.unmatched()
        return queryset.filter(match__isnull=False) if self.value() == "matched" else queryset


class ExceptionFilter(admin.SimpleListFilter):
    """What somebody should look at: refused, or accepted with a remark."""

    title = _("exceptions")
    parameter_name = "exceptions"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("refused", _("Refused")), ("remarked", _("With a remark"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "refused":
            return queryset.refused()
        return queryset.exclude(flags=[]) if self.value() == "remarked" else queryset


class MatchForm(forms.Form):
    """Whose a punch is."""

    employee: forms.ModelChoiceField[Employee] = forms.ModelChoiceField(
        queryset=Employee.objects.none(),
        label=_("employee"),
        widget=ForgivingAutocomplete(PunchMatch._meta.get_field("employee"), admin.site),
        help_text=_("Type a name or a code."),
    )

    def __init__(self, people: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["employee"].queryset = people  # type: ignore[attr-defined]


@admin.register(Punch)
class PunchAdmin(ReadOnlyTenantAdmin):
    """Every punch as it came in, and what was decided about it."""

    fieldsets = (
        (
            None,
            {"fields": (("badge", "direction"), ("person", "user_code"), ("local_time", "zone"))},
        ),
        (
            _("How it came in"),
            {
                "fields": (
                    ("door", "device"),
                    ("source", "key"),
                    ("received_at", "occurred_text"),
                    ("raw_state", "raw_input_type"),
                )
            },
        ),
        (_("What was decided"), {"fields": ("why", "remarks")}),
    )
    readonly_fields = ("badge", "person", "local_time", "why", "remarks", "evidence_seen", "pushed")
    list_display = (
        "local_time",
        "person",
        "user_code",
        "direction",
        "badge",
        "door",
        "device",
        "remarks",
    )
    list_filter = (WaitingFilter, ExceptionFilter, "verdict", "door", "direction", "late", "device")
    list_select_related = ("employee", "device", "match__employee", "organization")
    date_hierarchy = "occurred_at"
    search_fields = ("=user_code", "employee__name", "=employee__code", "match__employee__name")
    search_help_text = _("User code as received, or an employee's name or code")
    extra_lookups = ("employee",)
    show_full_result_count = False
    actions_detail = ("match",)
    empty_title = _("No punches yet")
    empty_text = _("Issue a device its token and let it send one: it appears here within a second.")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Location, health data and the like only for those who may see them."""
        fieldsets = super().get_fieldsets(request, obj)
        if request.user.has_perm("attendance.view_punchevidence"):
            fieldsets.append((_("Evidence"), {"fields": ("evidence_seen",)}))
        if request.user.has_perm("webhooks.view_delivery"):
            fieldsets.append((_("Pushed to"), {"fields": ("pushed",)}))
        return fieldsets

    @display(description=_("happened"), ordering="occurred_at")
    def local_time(self, punch: Punch) -> str:
        """The clock on the wall where it happened."""
        # A time in UTC says nothing about the place: the organization's clock is nearer to it.
        at = (
            localtime(punch.occurred_at)
            if punch.zone == "+00:00"
            else local(punch.occurred_at, punch.zone)
        )
        return f"{at:%Y-%m-%d %H:%M:%S}"

    @display(description=_("employee"), ordering="employee__name")
    def person(self, punch: Punch) -> Any:
        employee = _whose(punch)
        return link(change_url(employee), employee) if employee else "–"

    @display(description=_("verdict"), ordering="verdict")
    def badge(self, punch: Punch) -> SafeString:
        if punch.verdict == Verdict.UNMATCHED and hasattr(punch, "match"):
            return badge_html(_("Matched"), "success")
        return badge_html(punch.get_verdict_display(), COLOURS.get(punch.verdict, "danger"))

    @display(description=_("remarks"))
    def remarks(self, punch: Punch) -> str:
        """What makes it worth a second look; an ordinary punch has none."""
        words = [*punch.reasons.values(), *punch.flags, *(["late"] if punch.late else [])]
        # What refused a phone's punch is often what it is flagged with too: said once.
        return _in_words(", ".join(map(str, words)))

    @display(description=_("reasons"))
    def why(self, punch: Punch) -> Any:
        rows = ((rule, _in_words(str(why))) for rule, why in sorted(punch.reasons.items()))
        return small_table((_("rule"), _("why")), rows, _("Nothing was held against it."))

    @display(description=_("as received"))
    def evidence_seen(self, punch: Punch) -> Any:
        evidence = getattr(punch, "evidence", None)
        if evidence is None:
            return _("Nothing came with it.")
        if evidence.erased_at is not None:
            return _("Erased on %(day)s. The punch itself stays.") % {
                "day": f"{evidence.erased_at:%Y-%m-%d}"
            }
        known, rest = _sorted_out(evidence.body)
        return format_html(
            "{}{}", small_table((_("what"), _("as it was said")), known, ""), preformatted(rest)
        )

    @display(description=_("deliveries"))
    def pushed(self, punch: Punch) -> SafeString:
        rows = (
            (
                link(change_url(one), one.endpoint),
                one.get_state_display(),
                one.attempts,
                one.finished_at or "–",
            )
            for one in deliveries_of(punch.organization_id, f"punch:{punch.pk}")
        )
        nobody = _("Pushed to nobody: it does not count (yet), or there was no endpoint.")
        return small_table((_("endpoint"), _("state"), _("attempts"), _("finished")), rows, nobody)

    # Matching
    def has_match_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("attendance.add_punchmatch"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what waits for a person can be matched to one."""
        punch = self.get_object(request, str(object_id))
        return (
            list(super().get_actions_detail(request, object_id))
            if punch is not None and _waits(punch)
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
        people = within(request, Employee.objects.of(punch.organization_id))
        form = MatchForm(people, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                match_punch(punch, form.cleaned_data["employee"], by=request.user)  # type: ignore[arg-type]
            except ValidationError as error:
                form.add_error(None, ValidationError(error.messages))
            except Busy:
                form.add_error(
                    None, _("The database is busy; nothing was changed. Try again in a moment.")
                )
            else:
                return self.done(
                    request,
                    punch,
                    _("Matched. It counts from now on, and is pushed like the others."),
                )
        return self.page(
            request,
            "match",
            punch,
            title=_("Whose is this punch?"),
            form=form,
            media=form.media,
            local_time=self.local_time(punch),
        )


def _in_words(reasons: str) -> str:
    """One reason, or several with commas between them, as people say them."""
    return ", ".join(dict.fromkeys(str(WORDS.get(why, why)) for why in reasons.split(", ") if why))


def _whose(punch: Punch) -> Employee | None:
    """The employee of a punch, known at once or told later."""
    return punch.employee or (punch.match.employee if hasattr(punch, "match") else None)


def _waits(punch: Punch) -> bool:
    return punch.verdict == Verdict.UNMATCHED and not hasattr(punch, "match")


def _sorted_out(body: str) -> tuple[list[tuple[Any, Any]], str]:
    """Evidence as rows of name and value, and the rest, with what was sent, as text."""
    try:
        evidence = json.loads(body)
    except ValueError:
        evidence = None
    if not isinstance(evidence, dict):
        return [], body
    rows = [
        (label, evidence.pop(name))
        for name, label in EVIDENCE.items()
        if evidence.get(name) is not None
    ]
    if health := evidence.pop("health", None):
        rows += [
            (_("temperature (°C)"), health.get("temperature")),
            (_("mask"), _yes_or_no(health.get("mask"))),
        ]
    if place := evidence.pop("location", None):
        rows.append((_("place"), _place(place)))
    rows += _of_phone(evidence)
    if attestation := evidence.pop("attestation", None):
        rows.append((_("attestation, recorded and not verified"), attestation.get("vendor") or "–"))
        evidence["attestation"] = attestation.get("blob")
    left = {name: value for name, value in evidence.items() if value is not None}
    return [(label, "–" if value is None else value) for label, value in rows], _as_text(left)


def _of_phone(evidence: dict[str, Any]) -> list[tuple[Any, Any]]:
    """What a phone said of itself, and how its place was judged; taken out of the evidence."""
    rows: list[tuple[Any, Any]] = []
    if (spoof := evidence.pop("anti_spoof", None)) is not None:
        said = [str(WORDS.get(name, name)) for name, holds in spoof.items() if holds]
        rows.append((_("the phone says of itself"), ", ".join(said) or _("nothing remarkable")))
    if judged := evidence.pop("judged", None):
        why, fence, outside_m = (
            WORDS.get(judged["why"], judged["why"]),
            judged.get("fence"),
            judged.get("outside_m"),
        )
        seen = (
            link(reverse("admin:geofences_fence_change", args=(fence,)), f"#{fence}")
            if fence
            else ""
        )
        far = _("%(metres)d m outside") % {"metres": outside_m} if outside_m else ""
        rows.append((_("place judged"), format_html("{} {} {}", why, seen, far)))
    return rows


def _place(place: dict[str, Any]) -> str:
    accuracy = place.get("accuracy_m")
    return f"{place.get('latitude')}, {place.get('longitude')}" + (
        f" ± {accuracy} m" if accuracy is not None else ""
    )


def _yes_or_no(value: Any) -> Any:
    return None if value is None else _("yes") if value else _("no")


def _as_text(left: dict[str, Any]) -> str:
    """What was sent, readable: text that is JSON itself is opened up."""
    opened = {}
    for name, value in left.items():
        try:
            opened[name] = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            opened[name] = value
    return json.dumps(opened, indent=2, ensure_ascii=False)


@admin.register(PunchMatch)
class PunchMatchAdmin(ReadOnlyTenantAdmin):
    """Who said afterwards whose a punch is."""

    fieldsets = ((None, {"fields": ("punch", "employee", ("matched_at", "matched_by"))}),)
    list_display = ("matched_at", "punch", "employee", "by")
    list_select_related = ("punch", "employee", "matched_by", "organization")
    search_fields = ("=punch__user_code", "employee__name", "=employee__code")
    empty_title = _("No matches yet")
    empty_text = _(
        "Open an unmatched punch and say whose it is, or enter the code at the employee: then it"
        " matches by itself."
    )

    @display(description=_("by"))
    def by(self, match: PunchMatch) -> Any:
        return match.matched_by or _("by itself, when the code was entered")


@admin.register(IngestCount)
class IngestCountAdmin(ReadOnlyTenantAdmin):
    """What each request brought."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("at", "door"),
                    "received",
                    ("accepted", "refused", "unmatched"),
                    ("duplicate", "conflict"),
                )
            },
        ),
    )
    list_display = (
        "at",
        "door",
        "received",
        "accepted",
        "refused",
        "unmatched",
        "duplicate",
        "conflict",
    )
    list_filter = ("door",)
    list_select_related = ("organization",)
    date_hierarchy = "at"
    show_full_result_count = False
    empty_title = _("No requests yet")
    empty_text = _(
        "Each request of a device or another client is counted here: what came in equals what"
        " became of it."
    )
