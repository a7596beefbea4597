"""Fences as GeoJSON, in and out: all or nothing, the same file twice changes nothing, and errors
name their feature.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from employees.models import Employee, Organization
from geofences.geojson_export import export_geojson
from geofences.geojson_import import GeoJsonImportResult, import_geojson
from geofences.models import Geofence
from tests import people
from tests.geofences.test_geometry import json_values, square_polygon

POINT = {"type": "Point", "coordinates": [77.2085, 28.6175]}


def feature(name: str = "Gate", geometry: Any = None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": geometry or square_polygon(28, 77, 100),
        "properties": {"name": name} | properties,
    }


def file(*features: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features)})


def errors(organization: Organization, *features: Any) -> list[str]:
    before = list(Geofence.objects.values())
    with pytest.raises(ValidationError) as refused:
        import_geojson(organization, file(*features))
    assert list(Geofence.objects.values()) == before
    return refused.value.messages


def exported(organization: Organization) -> str:
    return json.dumps(export_geojson(Geofence.objects.of(organization).order_by("id")))


def test_a_file_is_imported_once_and_a_second_time_changes_nothing(acme: Organization) -> None:
    text = file(
        feature(external_id="G1"), feature("Yard", POINT, radius_m=80), feature("Hall") | {"id": 17}
    )
    assert import_geojson(acme, text) == GeoJsonImportResult(created=3, changed=0, unchanged=0)
    before = exported(acme)
    assert import_geojson(acme, text) == GeoJsonImportResult(created=0, changed=0, unchanged=3)
    assert exported(acme) == before
    assert list(Geofence.objects.order_by("id").values_list("external_id", "radius_m")) == [
        ("G1", None),
        ("", 80.0),
        ("17", None),
    ]


def test_an_export_is_an_import_that_changes_nothing(acme: Organization, asha: Employee) -> None:
    people.make_geofence(acme, external_id="HQ", site=people.make_site(acme))
    people.make_geofence(acme, name="Asha", employee=asha, starts_at=people.NOON, active=False)
    people.make_geofence(acme, name="Fiji", geojson=json.dumps(square_polygon(-17, 180, 500)))
    text = exported(acme)
    assert import_geojson(acme, text) == GeoJsonImportResult(created=0, changed=0, unchanged=3)
    assert exported(acme) == text


def test_an_export_elsewhere_makes_the_same_fences_there(
    acme: Organization, zenith: Organization, asha: Employee
) -> None:
    people.make_geofence(acme, external_id="HQ", employee=asha)
    assert import_geojson(zenith, exported(acme)) == GeoJsonImportResult(1, 0, 0)
    fence = Geofence.objects.get(organization=zenith)
    assert (fence.external_id, fence.employee.organization) == ("HQ", zenith)


def test_a_changed_shape_moves_the_fence_and_leaves_the_rest_as_it_was(acme: Organization) -> None:
    site = people.make_site(acme)
    fence = people.make_geofence(acme, external_id="HQ", site=site, active=False, name="Old")
    created_at, updated_at = fence.created_at, fence.updated_at
    assert import_geojson(acme, file(feature("New", external_id="HQ"))) == GeoJsonImportResult(
        0, 1, 0
    )
    assert import_geojson(
        acme, file(feature("New", square_polygon(28, 77, 100.1), external_id="HQ"))
    ) == GeoJsonImportResult(0, 1, 0)
    fence.refresh_from_db()
    assert (fence.created_at, fence.updated_at > updated_at) == (created_at, True)
    assert (fence.name, fence.kind, fence.site, fence.active, fence.radius_m) == (
        "New",
        "polygon",
        site,
        False,
        None,
    )
    import_geojson(acme, file(feature("New", external_id="HQ", site=None, active=True)))
    fence.refresh_from_db()
    assert (fence.site, fence.active) == (None, True)


def test_a_feature_says_whom_it_is_for_by_name(acme: Organization, asha: Employee) -> None:
    site, department = people.make_site(acme, "HQ"), people.make_department(acme, "Stores")
    import_geojson(
        acme,
        file(
            feature("A", site="HQ"),
            feature("B", department="Stores"),
            feature("C", employee="1001"),
        ),
    )
    found = [
        (fence.site, fence.department, fence.employee)
        for fence in Geofence.objects.order_by("name")
    ]
    assert found == [(site, None, None), (None, department, None), (None, None, asha)]


def test_a_time_without_an_offset_is_on_the_organizations_clock(acme: Organization) -> None:
    import_geojson(
        acme, file(feature(starts_at="2026-06-21T12:00:00", ends_at="2026-06-21T06:31:00Z"))
    )
    fence = Geofence.objects.get()
    assert (fence.starts_at, (fence.ends_at - fence.starts_at).total_seconds()) == (people.NOON, 60)


def test_all_or_nothing_and_every_wrong_feature_is_named(acme: Organization) -> None:
    bow = {
        "type": "Polygon",
        "coordinates": [[[77.0, 28.0], [77.01, 28.01], [77.01, 28.0], [77.0, 28.01], [77.0, 28.0]]],
    }
    found = errors(
        acme,
        feature("Good"),
        feature("Bow", bow),
        feature("Point", POINT),
        feature(""),
        7,
        feature("Far", site="Moon"),
    )
    assert found == [
        (
            "Feature 2 (Bow): The outline crosses or touches itself at latitude 28.005, longitude"
            " 77.005."
        ),
        "Feature 3 (Point): A circle is a Point with the property “radius_m”, in metres.",
        "Feature 4 (–): It has no name.",
        "Feature 5 (–): This is not a GeoJSON feature.",
        "Feature 6 (Far): There is no site “Moon”.",
    ]


@pytest.mark.parametrize(
    ("facts", "part"),
    [
        ({"active": "yes"}, "true or false"),
        ({"starts_at": "soon"}, "2026-06-21"),
        ({"starts_at": 7}, "2026-06-21"),
        ({"starts_at": "2026-13-45T00:00"}, "2026-06-21"),
        ({"starts_at": "0001-01-01T00:00+14:00"}, "2026-06-21"),
        ({"starts_at": "2026-01-02T00:00Z", "ends_at": "2026-01-01T00:00Z"}, "ends before"),
        ({"external_id": ["x"]}, "external_id"),
        ({"external_id": "x" * 101}, "external_id"),
        ({"external_id": "a\0b"}, "external_id"),
        ({"external_id": 10**200}, "external_id"),
        ({"name": 7}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"site": "HQ", "employee": "1001"}, "more than one"),
        ({"site": 7}, "no site"),
        ({"employee": "9"}, "no employee"),
        ({"site": ["HQ"]}, "no site"),
    ],
)
def test_a_property_that_is_wrong_is_named(
    acme: Organization, asha: Employee, facts: dict[str, Any], part: str
) -> None:
    assert part in errors(acme, feature(**facts))[0]


@pytest.mark.parametrize("radius_m", [None, "80", True, -1, 0, 1e9, 10**400])
def test_a_circle_needs_a_radius_that_is_one(acme: Organization, radius_m: Any) -> None:
    assert "Feature 1 (Yard)" in errors(acme, feature("Yard", POINT, radius_m=radius_m))[0]


@pytest.mark.parametrize("place", [[77], "77,28", [None, 28], [177, 128], [28, 177], []])
def test_a_circle_needs_a_place_that_is_one(acme: Organization, place: Any) -> None:
    assert errors(acme, feature("Yard", {"type": "Point", "coordinates": place}, radius_m=80))


def test_two_features_that_would_be_one_fence_are_refused(acme: Organization) -> None:
    assert len(errors(acme, feature("A", external_id="X"), feature("B", external_id="X"))) == 2
    assert len(errors(acme, feature("A"), feature("A"))) == 2
    assert import_geojson(
        acme, file(feature("A"), feature("A", external_id="X"))
    ) == GeoJsonImportResult(2, 0, 0)


def test_a_name_that_several_fences_have_is_not_guessed_at(acme: Organization) -> None:
    for _ in range(2):
        people.make_geofence(acme)
    assert (
        "Several geofences have this name. Give external ids." in errors(acme, feature("Office"))[0]
    )


def test_another_organizations_sites_and_fences_do_not_exist(
    acme: Organization, zenith: Organization
) -> None:
    people.make_site(zenith, "Theirs")
    theirs = people.make_geofence(zenith, external_id="HQ")
    assert "no site" in errors(acme, feature(site="Theirs"))[0]
    assert import_geojson(acme, file(feature("Ours", external_id="HQ"))) == GeoJsonImportResult(
        1, 0, 0
    )
    theirs.refresh_from_db()
    assert theirs.name == "Office"


def test_swapped_coordinates_near_known_fences_are_questioned(acme: Organization) -> None:
    people.make_geofence(acme)
    swapped = {"type": "Point", "coordinates": [28.6175, 77.2085]}
    assert "swapped" in errors(acme, feature("Yard", swapped, radius_m=80))[0]
    # A file that corrects the only fence there is measured against nothing.
    Geofence.objects.update(latitude=77.2085, longitude=28.6175)
    assert import_geojson(acme, file(feature("Office", POINT, radius_m=80))) == GeoJsonImportResult(
        0, 1, 0
    )


def test_many_errors_are_cut_short(acme: Organization) -> None:
    found = errors(acme, *({} for _ in range(80)))
    assert (len(found), found[-1]) == (51, "And 30 more.")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "7", "{", "[" * 50_000, '{"type":"FeatureCollection"}', file(), '"\\ud800"'],
)
def test_what_is_no_file_of_fences_is_refused(acme: Organization, text: str) -> None:
    with pytest.raises(ValidationError):
        import_geojson(acme, text)


@given(
    value=json_values,
    properties=st.dictionaries(
        st.sampled_from(["name", "external_id", "site", "active", "starts_at", "radius_m"]),
        json_values,
    ),
)
@pytest.mark.django_db
def test_whatever_is_in_the_file_is_imported_or_refused(
    value: Any, properties: dict[str, Any]
) -> None:
    organization = Organization.objects.filter(slug="any").first() or people.make_organization(
        "any"
    )
    for geometry in (
        value,
        {"type": "Point", "coordinates": value},
        {"type": "Polygon", "coordinates": value},
        POINT,
    ):
        try:
            import_geojson(
                organization,
                json.dumps(
                    {"type": "Feature", "id": value, "geometry": geometry, "properties": properties}
                ),
            )
        except ValidationError as refused:
            assert refused.messages
