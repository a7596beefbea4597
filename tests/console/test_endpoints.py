"""Endpoints: the secret is shown once, the services do the work, and a wrong address is an error on
the form.
"""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts.credentials import decrypt
from employees.models import Organization
from webhooks.admin.deliveries import mask_secrets
from webhooks.models import Delivery, Endpoint

ADD = "/admin/webhooks/endpoint/add/"
FORM = {
    "name": "Payroll",
    "url": "http://127.0.0.1:9001/hook",
    "mode": "standard",
    "max_in_flight": 8,
}


def action(endpoint: Endpoint, name: str) -> str:
    return reverse(f"admin:webhooks_endpoint_{name}", args=(endpoint.pk,))


def test_a_new_endpoints_secret_is_shown_once(staff: Client, acme: Organization) -> None:
    page = staff.post(ADD, FORM)
    endpoint = Endpoint.objects.get()
    secret = decrypt(endpoint.secret_cipher)
    assert endpoint.organization == acme
    assert secret.startswith("whsec_")
    assert secret in page.content.decode().replace("&#x2F;", "/")
    assert "no-store" in page["Cache-Control"]
    again = staff.get(
        reverse("admin:webhooks_endpoint_change", args=(endpoint.pk,))
    ).content.decode()
    assert secret not in again
    assert endpoint.secret_cipher not in again
    assert secret not in str(list(LogEntry.objects.values())) + str(dict(staff.session))


def test_the_cams_format_shows_its_token_too(staff: Client) -> None:
    page = staff.post(ADD, FORM | {"mode": "cams", "virtual_serial": "V-1"}).content.decode()
    assert decrypt(Endpoint.objects.get().auth_token_cipher) in page


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/latest", "http://10.0.0.1/", "ftp://x.example/", "nonsense"]
)
def test_an_address_that_may_not_be_reached_is_an_error_at_the_field(
    staff: Client, address: str
) -> None:
    page = staff.post(ADD, FORM | {"url": address})
    assert page.status_code == 200
    assert page.context["adminform"].form.errors["url"]
    assert not Endpoint.objects.exists()


def test_what_the_service_refuses_is_shown_and_what_was_typed_stays(staff: Client) -> None:
    page = staff.post(ADD, FORM | {"mode": "cams"})
    assert "virtual_serial" in page.context["adminform"].form.errors
    assert "Payroll" in page.content.decode()


def test_saving_a_form_does_not_undo_what_the_worker_wrote_meanwhile(
    staff: Client, ours: SimpleNamespace
) -> None:
    address = reverse("admin:webhooks_endpoint_change", args=(ours.endpoint.pk,))

    def meanwhile(endpoint: Endpoint) -> Endpoint:
        Endpoint.objects.filter(pk=endpoint.pk).update(failures=7)
        return endpoint

    loaded = Endpoint.objects.get(pk=ours.endpoint.pk)
    with patch("webhooks.admin.EndpointAdmin.get_object", return_value=meanwhile(loaded)):
        assert staff.post(address, FORM | {"name": "Renamed"}).status_code == 302
    ours.endpoint.refresh_from_db()
    assert (ours.endpoint.name, ours.endpoint.failures) == ("Renamed", 7)


def test_rotating_keeps_the_old_secret_signing_for_a_while(
    staff: Client, ours: SimpleNamespace
) -> None:
    before = decrypt(ours.endpoint.secret_cipher)
    assert staff.get(action(ours.endpoint, "rotate")).status_code == 200
    page = staff.post(action(ours.endpoint, "rotate")).content.decode()
    ours.endpoint.refresh_from_db()
    assert decrypt(ours.endpoint.secret_cipher) in page
    assert decrypt(ours.endpoint.previous_secret_cipher) == before
    assert ours.endpoint.previous_secret_until is not None


def test_a_test_event_leads_to_its_delivery(staff: Client, ours: SimpleNamespace) -> None:
    before = Delivery.objects.count()
    assert staff.get(action(ours.endpoint, "test")).status_code == 200
    assert Delivery.objects.count() == before
    page = staff.post(action(ours.endpoint, "test"), follow=True)
    assert page.context["original"].event_type == "endpoint.test"
    assert Delivery.objects.count() == before + 1


def test_pause_resume_and_remove(staff: Client, ours: SimpleNamespace) -> None:
    address = reverse("admin:webhooks_endpoint_change", args=(ours.endpoint.pk,))
    staff.post(action(ours.endpoint, "pause_pushing"))
    ours.endpoint.refresh_from_db()
    assert (ours.endpoint.state, ours.endpoint.pause_reason) == ("paused", "by_hand")
    page = staff.get(address).content.decode()
    assert action(ours.endpoint, "resume_pushing") in page
    assert action(ours.endpoint, "pause_pushing") not in page
    staff.post(action(ours.endpoint, "resume_pushing"))
    ours.endpoint.refresh_from_db()
    assert ours.endpoint.state == "active"
    staff.post(action(ours.endpoint, "remove_for_good"))
    assert staff.post(address, FORM).status_code == 403
    assert staff.post(action(ours.endpoint, "resume_pushing")).status_code == 404
    assert (
        "acmemark endpoint"
        not in staff.get(reverse("admin:webhooks_endpoint_changelist")).content.decode()
    )


def test_an_endpoint_is_removed_and_never_deleted(staff: Client, ours: SimpleNamespace) -> None:
    address = reverse("admin:webhooks_endpoint_delete", args=(ours.endpoint.pk,))
    assert staff.post(address, {"post": "yes"}).status_code == 403


def test_a_delivery_shows_its_attempts_with_what_came_back_as_text(
    staff: Client, ours: SimpleNamespace
) -> None:
    page = staff.get(
        reverse("admin:webhooks_delivery_change", args=(ours.delivery.pk,))
    ).content.decode()
    assert "acmemark reply" in page
    assert "500" in page


def test_a_finished_delivery_is_sent_again_as_it_was(staff: Client, ours: SimpleNamespace) -> None:
    staff.post(reverse("admin:webhooks_delivery_send_again", args=(ours.delivery.pk,)))
    ours.delivery.refresh_from_db()
    assert ours.delivery.state == "waiting"


def test_the_token_in_a_cams_body_is_not_shown() -> None:
    assert "mst_cams" not in mask_secrets(
        '{"RealTime": {"AuthToken": "mst_cams_x", "OperationID": "1"}}'
    )
    assert mask_secrets("<html>") == "<html>"


def test_nothing_is_sent_again_before_its_number_was_shown(
    staff: Client, ours: SimpleNamespace
) -> None:
    Delivery.objects.filter(endpoint=ours.endpoint).update(state="dead")
    number = Delivery.objects.filter(endpoint=ours.endpoint).count()
    address = action(ours.endpoint, "send_many_again")
    for wrong in ({}, {"confirmed": str(number + 1)}):
        page = staff.post(address, {"dead_only": "on"} | wrong)
        assert (page.status_code, page.context["count"]) == (200, number)
    assert staff.post(address, {"dead_only": "on", "confirmed": str(number)}).status_code == 302
    assert set(Delivery.objects.filter(endpoint=ours.endpoint).values_list("state", flat=True)) == {
        "waiting"
    }


def test_everything_there_ever_was_is_not_sent_again_by_mistake(
    staff: Client, ours: SimpleNamespace
) -> None:
    page = staff.post(action(ours.endpoint, "send_many_again"), {})
    assert "since" in page.context["form"].errors


def test_a_feed_key_is_shown_once_and_can_be_revoked(staff: Client, ours: SimpleNamespace) -> None:
    page = staff.post(action(ours.endpoint, "feed_key")).content.decode()
    key = page[page.index("mst_evt_") :][: len("mst_evt_") + 43]
    feed = Client(headers={"Authorization": f"Bearer {key}"})
    assert feed.get("/api/v1/events").status_code == 200
    staff.post(action(ours.endpoint, "revoke_keys"))
    assert feed.get("/api/v1/events").status_code == 401


def test_the_first_page_says_whether_pushes_agree_with_punches(
    staff: Client, ours: SimpleNamespace
) -> None:
    page = staff.get("/admin/")
    assert [one.endpoint for one in page.context["muster"]["balances"]] == [ours.endpoint]
