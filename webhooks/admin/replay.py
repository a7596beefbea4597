"""Sending finished deliveries of an endpoint again: choose which, see how many, confirm.

`webhooks.admin.endpoints` shows this action; a single delivery is sent again on its own page.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminDateWidget, UnfoldBooleanSwitchWidget

from accounts.models import SecurityEvent
from webhooks.admin.endpoint_actions import EndpointActionsAdmin, log_security_event
from webhooks.models import Delivery, Endpoint
from webhooks.services import replay_deliveries, replayable_deliveries


class ReplayForm(forms.Form):
    """Which finished deliveries are to be sent again: by the day they were accepted, or only those
    given up.
    """

    since = forms.DateField(
        label=_("accepted from"), required=False, widget=UnfoldAdminDateWidget()
    )
    until = forms.DateField(
        label=_("accepted until"),
        required=False,
        widget=UnfoldAdminDateWidget(),
        help_text=_("This day included."),
    )
    dead_only = forms.BooleanField(
        label=_("only dead letters"),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget(),
    )

    def clean(self) -> dict[str, Any]:
        """Everything there ever was is too much to send by mistake."""
        found = super().clean() or {}
        since, until = found.get("since"), found.get("until")
        if not found.get("dead_only") and since is None:
            self.add_error("since", _("Give a start date, or choose only dead letters."))
        if since and until and until < since:
            self.add_error("until", _("This is before the first day."))
        return found

    def selected_deliveries(self, endpoint: Endpoint) -> QuerySet[Delivery]:
        """The deliveries that were asked for."""
        zone = ZoneInfo(endpoint.organization.timezone)
        since, until = self.cleaned_data["since"], self.cleaned_data["until"]
        return replayable_deliveries(
            endpoint,
            dead_only=self.cleaned_data["dead_only"],
            since=datetime.combine(since, time(), zone) if since else None,
            until=datetime.combine(until + timedelta(days=1), time(), zone) if until else None,
        )


class ReplayAdmin(EndpointActionsAdmin):
    """Base of `EndpointAdmin`: the replay of its deliveries."""

    @action(
        description=_("Send again…"), url_path="send-again", icon="replay", permissions=["change"]
    )
    def send_many_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Choose, see how many, confirm: nothing is sent before the number was shown."""
        endpoint = self._not_removed_or_404(request, object_id)
        form = ReplayForm(request.POST if request.method == "POST" else None)
        count = None
        if request.method == "POST" and form.is_valid():
            rows = form.selected_deliveries(endpoint)
            count = rows.count()
            # Only what was shown is sent: another choice, or new rows, and the number is shown
            # again.
            if request.POST.get("confirmed") == str(count):
                number = replay_deliveries(rows)
                log_security_event(request, endpoint, SecurityEvent.Kind.REPLAYED, count=number)
                return self.finish_action(
                    request,
                    endpoint,
                    _("%(number)d deliveries queued again.") % {"number": number},
                )
        return self.render_page(
            request, "replay", endpoint, title=_("Send again"), form=form, count=count
        )
