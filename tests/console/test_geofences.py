"""Fences in the console: drawn or typed, imported and exported, and an error says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from employees.models import Organization
from geofences.models import AllowedNetwork, Geofence, GeofencePolicy
from tests import people
from tests.geofences.test_geojson_import import feature, file
from tests.geofences.test_geometry import polygon, square_polygon

LIST, ADD, NEAR = (
    reverse(f"admin:geofences_geofence_{page}") for page in ("changelist", "add", "near")
)
IMPORT, EXPORT = (
    reverse(f"admin:geofences_geofence_{page}") for page in ("import_file", "export_file")
)
VIEW = {"south": 28, "west": 77, "north": 29, "east": 78}


def form(**facts: Any) -> dict[str, Any]:
    return {
        "name": "Gate",
        "kind": "polygon",
        "geojson": json.dumps(square_polygon(28.6, 77.2, 50)),
        "active": "on",
    } | facts


def upload(text: str | bytes) -> dict[str, Any]:
    content = text if isinstance(text, bytes) else text.encode()
    return {
        "file": SimpleUploadedFile(
            "geofences.geojson", content, content_type="application/geo+json"
        )
    }


def facts(page: Any) -> dict[str, Any]:
    """What the map was told."""
    found: dict[str, Any] = page.context["muster_map"]
    return found


def test_a_fence_is_added_by_its_fields_without_the_map(staff: Client, acme: Organization) -> None:
    assert staff.post(ADD, form()).status_code == 302
    assert (
        staff.post(
            ADD,
            form(
                name="Yard",
                kind="circle",
                geojson="",
                latitude="28.6",
                longitude="77.2",
                radius_m="80.5",
            ),
        ).status_code
        == 302
    )
    found = Geofence.objects.order_by("id").values_list(
        "organization_id", "name", "kind", "radius_m", "latitude"
    )
    assert list(found) == [
        (acme.pk, "Gate", "polygon", None, 28.6),
        (acme.pk, "Yard", "circle", 80.5, 28.6),
    ]


def test_a_drawing_mistake_is_told_at_the_field_and_what_was_typed_stays(staff: Client) -> None:
    bow = json.dumps(polygon([[77.0, 28.0], [77.01, 28.01], [77.01, 28.0], [77.0, 28.01]]))
    page = staff.post(ADD, form(geojson=bow))
    assert page.context["errors"] == [
        ["The outline crosses or touches itself at latitude 28.005, longitude 77.005."]
    ]
    assert "[77.01, 28.01]" in page.content.decode()
    assert (
        "Draw the geofence on the map, or paste its GeoJSON here."
        in staff.post(ADD, form(geojson="")).content.decode()
    )
    assert "A circle needs" in staff.post(ADD, form(kind="circle")).content.decode()
    assert not Geofence.objects.exists()


@pytest.mark.parametrize(
    "typed", ["x", "7", "", "{}", '{"type": "Polygon", "coordinates": [7]}', "[" * 2000]
)
def test_a_stored_fence_stays_on_the_map_when_what_was_typed_is_no_shape(
    staff: Client, acme: Organization, typed: str
) -> None:
    fence = people.make_geofence(acme)
    page = staff.post(
        reverse("admin:geofences_geofence_change", args=(fence.pk,)), form(geojson=typed)
    )
    assert (page.status_code, len(page.context["errors"])) == (200, 1)
    assert facts(page)["shown"]["geometry"] == fence.geometry


def test_what_the_service_refuses_is_told_at_the_field_too(
    staff: Client, acme: Organization
) -> None:
    people.make_geofence(acme)
    page = staff.post(
        ADD, form(kind="circle", latitude="77.2085", longitude="28.6175", radius_m="80")
    )
    assert (page.status_code, Geofence.objects.count()) == (200, 1)
    assert "look swapped" in page.content.decode()


def test_an_external_id_that_exists_is_a_plain_error(
    staff: Client, acme: Organization, zenith: Organization
) -> None:
    people.make_geofence(zenith, external_id="Z")
    people.make_geofence(acme, external_id="HQ")
    assert (
        "Geofence with this external id already exists."
        in staff.post(ADD, form(external_id="HQ")).content.decode()
    )
    assert staff.post(ADD, form(external_id="Z")).status_code == 302


def test_a_fence_is_for_one_thing_and_the_form_says_so(
    staff: Client, ours: SimpleNamespace
) -> None:
    page = staff.post(ADD, form(site=ours.site.pk, department=ours.department.pk))
    assert "Choose one" in page.content.decode()


def test_the_map_knows_where_to_look_and_asks_nobody_else(
    staff: Client, acme: Organization, settings: Any
) -> None:
    assert facts(staff.get(ADD))["extent"] is None
    fence = people.make_geofence(acme)
    shown = facts(staff.get(reverse("admin:geofences_geofence_change", args=(fence.pk,))))
    assert (
        shown["draws"],
        shown["except"],
        shown["shown"]["properties"]["radius_m"],
        shown["tiles"],
    ) == (
        True,
        fence.pk,
        100.0,
        "",
    )
    assert facts(staff.get(LIST))["extent"]["south"] == fence.south
    assert "http" not in json.dumps(shown)
    settings.MAP_TILES = "https://tiles.example/{z}/{x}/{y}.png"
    page = staff.get(ADD)
    assert facts(page)["tiles"] == "https://tiles.example/{z}/{x}/{y}.png"
    assert (
        "https://tiles.example"
        in page["Content-Security-Policy"].partition("img-src")[2].partition(";")[0]
    )
    assert "tiles.example" not in staff.get(reverse("admin:index"))["Content-Security-Policy"]


def test_a_name_cannot_break_out_of_the_page(staff: Client, acme: Organization) -> None:
    fence = people.make_geofence(acme, name="</script><script>alert(1)</script>")
    page = staff.get(reverse("admin:geofences_geofence_change", args=(fence.pk,))).content.decode()
    assert "<script>alert" not in page


def test_pages_on_fences_have_no_script_of_their_own_in_them(
    staff: Client, acme: Organization
) -> None:
    fence = people.make_geofence(acme)
    for address in (
        LIST,
        ADD,
        reverse("admin:geofences_geofence_change", args=(fence.pk,)),
        IMPORT,
    ):
        frame = (
            staff.get(address)
            .content.decode()
            .partition("muster-map-frame")[2]
            .partition("</div>")[0]
        )
        assert "onclick" not in frame
    folder = Path("templates/admin/console")
    assert all(
        "<script" not in (folder / name).read_text()
        for name in ("geofence_map.html", "geofence_import.html")
    )


def test_the_maps_parts_are_here_and_name_no_other_file_or_server() -> None:
    folder = Path(str(finders.find("geofences/geofence_map.js"))).parent
    for path in [*folder.rglob("*.js"), *folder.rglob("*.css")]:
        text = path.read_text()
        assert "sourceMappingURL" not in text, path
        assert "@import" not in text, path
        assert "url('data:image/svg+xml,<" not in text, path
        assert "url(http" not in text, path
    assert {path.parent.name for path in folder.rglob("LICENSE")} == {"leaflet", "geoman"}


def test_the_fences_in_view_are_ours_in_view_but_for_the_one_that_is_edited(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    people.make_geofence(ours.organization, 10, 10, name="Elsewhere")
    found = staff.get(NEAR, VIEW).json()
    assert [one["properties"]["name"] for one in found["features"]] == ["acmemark fence"]
    assert found["more"] is False
    assert staff.get(NEAR, VIEW | {"except": ours.geofence.pk}).json()["features"] == []
    assert (
        len(
            staff.get(NEAR, {"south": -90, "west": -999, "north": 90, "east": 999}).json()[
                "features"
            ]
        )
        == 2
    )


@pytest.mark.parametrize(
    "wrong",
    [{"south": "x"}, {"south": "nan"}, {"west": "inf"}, {"except": "x"}, {"except": "9" * 30}],
)
def test_a_view_that_makes_no_sense_is_refused(staff: Client, wrong: dict[str, str]) -> None:
    assert staff.get(NEAR, VIEW | wrong).status_code == 400
    assert staff.get(NEAR).status_code == 400


def test_an_import_says_what_it_did(staff: Client, acme: Organization) -> None:
    page = staff.post(
        IMPORT, upload(file(feature("A", external_id="A"), feature("B"))), follow=True
    )
    assert "Geofences added: 2, changed: 0, unchanged: 0." in page.content.decode()
    page = staff.post(IMPORT, upload("\ufeff" + file(feature("A", external_id="A"))), follow=True)
    assert "Geofences added: 0, changed: 0, unchanged: 1." in page.content.decode()
    assert set(Geofence.objects.values_list("organization_id", flat=True)) == {acme.pk}


def test_an_import_that_fails_lists_every_wrong_feature_and_stores_nothing(staff: Client) -> None:
    page = staff.post(
        IMPORT,
        upload(file(feature("A"), feature("<b>", {"type": "Point"}), feature("C", active=1))),
    )
    assert [error.split(":")[0] for error in page.context["errors"]] == [
        "Feature 2 (<b>)",
        "Feature 3 (C)",
    ]
    assert (
        "<b>"
        not in page.content.decode().partition("Nothing was imported")[2].partition("</ul>")[0]
    )
    assert not Geofence.objects.exists()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"{", b"PK\x03\x04"])
def test_a_file_that_is_none_is_a_plain_error(staff: Client, content: bytes) -> None:
    page = staff.post(IMPORT, upload(content))
    assert page.status_code == 200
    assert "muster-error" in page.content.decode()
    assert staff.post(IMPORT, {}).status_code == 200


def test_an_export_has_our_fences_and_imports_again(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    reply = staff.get(EXPORT)
    assert reply["Content-Disposition"] == 'attachment; filename="geofences.geojson"'
    assert [one["properties"]["name"] for one in reply.json()["features"]] == ["acmemark fence"]
    page = staff.post(IMPORT, upload(reply.content), follow=True)
    assert "Geofences added: 0, changed: 0, unchanged: 1." in page.content.decode()


def test_an_operator_says_whose_fences_a_file_has(root: Client, zenith: Organization) -> None:
    assert root.post(IMPORT, upload(file(feature("A")))).status_code == 200
    assert (
        root.post(IMPORT, upload(file(feature("A"))) | {"organization": zenith.pk}).status_code
        == 302
    )
    assert Geofence.objects.get().organization == zenith


def test_an_organization_in_the_form_is_not_heard(
    staff: Client, acme: Organization, zenith: Organization
) -> None:
    staff.post(IMPORT, upload(file(feature("A"))) | {"organization": zenith.pk})
    assert Geofence.objects.get().organization == acme


def test_fences_may_show_where_people_live_so_only_hr_sees_them(
    client: Client, ours: SimpleNamespace
) -> None:
    client.force_login(people.make_staff(ours.organization, "looker", role="reports"))
    assert [client.get(address).status_code for address in (LIST, IMPORT, EXPORT, NEAR)] == [
        403
    ] * 4
    client.force_login(people.make_staff(ours.organization, "hr", role="hr_admin"))
    assert [client.get(address).status_code for address in (LIST, IMPORT, EXPORT, ADD)] == [200] * 4
    assert client.get(NEAR, VIEW).status_code == 200


def test_an_empty_list_says_what_to_do(staff: Client) -> None:
    page = staff.get(LIST)
    assert "No geofences yet" in page.content.decode()
    assert page.context["muster_map"] is None
    assert (
        "No Wi-Fi networks yet"
        in staff.get(reverse("admin:geofences_allowednetwork_changelist")).content.decode()
    )
    assert (
        "The default policy applies"
        in staff.get(reverse("admin:geofences_geofencepolicy_changelist")).content.decode()
    )


def test_a_wifi_listed_twice_for_the_same_people_is_a_plain_error(staff: Client) -> None:
    add = reverse("admin:geofences_allowednetwork_add")
    assert staff.post(add, {"ssid": "Office", "active": "on"}).status_code == 302
    assert "already exists" in staff.post(add, {"ssid": "Office", "active": "on"}).content.decode()
    assert AllowedNetwork.objects.count() == 1


def test_an_organization_has_its_rules_once(staff: Client, acme: Organization) -> None:
    add = reverse("admin:geofences_geofencepolicy_add")
    rules = {"unfenced": "accept", "max_accuracy_m": "150", "tolerance_m": "20"}
    assert staff.post(add, rules | {"tolerance_m": "501"}).status_code == 200
    assert staff.post(add, rules).status_code == 302
    (policy,) = GeofencePolicy.objects.values_list(
        "ssid_sufficient", "unfenced", "max_accuracy_m", "tolerance_m"
    )
    assert policy == (False, "accept", 150, 20)
    assert staff.get(add).status_code == 403


def test_a_fence_can_be_deleted(staff: Client, acme: Organization) -> None:
    fence = people.make_geofence(acme)
    assert (
        staff.post(
            reverse("admin:geofences_geofence_delete", args=(fence.pk,)), {"post": "yes"}
        ).status_code
        == 302
    )
    assert not Geofence.objects.exists()
