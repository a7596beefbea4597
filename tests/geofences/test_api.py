"""`GET /api/v1/admin/geo-fences`: who may read it, what a row has, what it can be asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from accounts.services import issue_personal_token
from employees.models import Employee, Organization
from geofences.models import Geofence
from tests import people
from tests.geofences.geodesic import direct
from tests.geofences.test_geometry import square_polygon

URL = "/api/v1/admin/geo-fences"


def bearer_headers(organization: Organization, role: str = "hr_admin") -> dict[str, str]:
    """The header of somebody with this role."""
    _row, token = issue_personal_token(
        people.make_staff(organization, f"{organization.slug}-{role}", role=role), "test"
    )
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def hr(acme: Organization) -> dict[str, str]:
    return bearer_headers(acme)


def names(client: Client, hr: dict[str, str], **query: Any) -> list[str]:
    reply = client.get(URL, query, headers=hr)
    assert reply.status_code == 200, reply.content
    return [row["name"] for row in reply.json()["data"]]


def test_a_row_says_all_there_is_to_know(
    client: Client, hr: dict[str, str], acme: Organization
) -> None:
    site = people.make_site(acme)
    fence = people.make_geofence(acme, external_id="HQ", site=site)
    (row,) = client.get(URL, headers=hr).json()["data"]
    stamps = row.pop("created_at"), row.pop("updated_at")
    assert all(stamp.endswith("Z") for stamp in stamps)
    assert row == {
        "id": fence.pk,
        "external_id": "HQ",
        "name": "Office",
        "kind": "circle",
        "active": True,
        "starts_at": None,
        "ends_at": None,
        "applies_to": "site",
        "site": {"id": site.pk, "name": "Head office"},
        "department": None,
        "employee": None,
        "centre": {"lat": 28.6175, "lng": 77.2085},
        "radius_m": 100.0,
        "geometry": {"type": "Point", "coordinates": [77.2085, 28.6175]},
    }


def test_a_geometry_is_rfc_7946(client: Client, hr: dict[str, str], acme: Organization) -> None:
    people.make_geofence(acme, geojson=json.dumps(square_polygon(0, 180, 100)))
    geometry = client.get(URL, headers=hr).json()["data"][0]["geometry"]
    assert geometry["type"] == "MultiPolygon"
    assert all(
        -180 <= lng <= 180
        for rings in geometry["coordinates"]
        for ring in rings
        for lng, _lat in ring
    )


def test_the_newest_is_first_fifty_to_a_page(
    client: Client, hr: dict[str, str], acme: Organization
) -> None:
    pattern = people.make_geofence(acme, name="F0")
    columns = {
        name: getattr(pattern, name)
        for name in (
            "kind",
            "latitude",
            "longitude",
            "radius_m",
            "south",
            "west",
            "north",
            "east",
            "square",
        )
    }
    Geofence.objects.bulk_create(
        [Geofence(organization=acme, name=f"F{number}", **columns) for number in range(1, 60)]
    )
    first = client.get(URL, headers=hr).json()
    assert [row["name"] for row in first["data"]] == [f"F{number}" for number in range(59, 9, -1)]
    second = client.get(first["next"], headers=hr).json()
    assert [row["name"] for row in second["data"]] == [f"F{number}" for number in range(9, -1, -1)]
    assert second["next"] is None


def test_who_keeps_attendance_reads_it_and_nobody_else(
    client: Client, hr: dict[str, str], acme: Organization, zenith: Organization
) -> None:
    people.make_geofence(acme)
    assert client.get(URL).json() == {"message": "Unauthenticated."}
    assert client.get(URL).status_code == 401
    refused = client.get(URL, headers=bearer_headers(acme, "approver"))
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "Forbidden: 'admin-attendance' requires one of: admin, hr_admin",
    )
    assert names(client, bearer_headers(acme, "admin")) == ["Office"]
    assert names(client, bearer_headers(zenith)) == []


def test_every_filter_finds_what_it_names(
    client: Client, hr: dict[str, str], acme: Organization, asha: Employee
) -> None:
    site, department = people.make_site(acme), people.make_department(acme)
    people.make_geofence(acme, name="All", external_id="X-1")
    people.make_geofence(acme, 20, 70, name="Site", site=site, active=False)
    people.make_geofence(acme, 20, 70, name="Department", department=department)
    people.make_geofence(acme, 20, 70, name="Employee", employee=asha)
    lat, lng = direct(28.6175, 77.2085, 30, 590)
    for query, found in (
        ({}, ["Employee", "Department", "Site", "All"]),
        ({"active": "false"}, ["Site"]),
        ({"active": "true", "applies_to": "department"}, ["Department"]),
        ({"applies_to": "organization"}, ["All"]),
        ({"applies_to": "site"}, ["Site"]),
        ({"applies_to": "employee"}, ["Employee"]),
        ({"site": site.pk}, ["Site"]),
        ({"department": department.pk}, ["Department"]),
        ({"employee": asha.pk}, ["Employee"]),
        ({"external_id": "X-1"}, ["All"]),
        ({"external_id": "X"}, []),
        ({"name": "ITE"}, ["Site"]),
        ({"near": f"{lat},{lng}"}, ["All"]),
        ({"near": "28.7,77.2"}, []),
        ({"near": "20, 70", "active": "false"}, ["Site"]),
        ({"site": 2**63 - 1}, []),
        ({"active": ""}, ["Employee", "Department", "Site", "All"]),
    ):
        assert names(client, hr, **query) == found, query


def test_another_organizations_ids_find_what_unknown_ones_find(
    client: Client, hr: dict[str, str], zenith: Organization, chitra: Employee
) -> None:
    site = people.make_site(zenith)
    people.make_geofence(zenith, site=site)
    assert names(client, hr, site=site.pk) == names(client, hr, employee=chitra.pk) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("active", "maybe"),
        ("applies_to", "planet"),
        ("site", "x"),
        ("site", "0"),
        ("site", "9" * 40),
        ("site", "1.5"),
        ("department", "-1"),
        ("employee", "7"),
        ("near", "28.6"),
        ("near", "a,b"),
        ("near", "nan,77"),
        ("near", "91,0"),
        ("near", "1,2,3"),
        ("name", "a\0b"),
        ("external_id", "\0"),
        ("cursor", "x"),
    ],
)
def test_a_filter_that_makes_no_sense_is_422_with_its_name(
    client: Client, hr: dict[str, str], acme: Organization, field: str, value: str
) -> None:
    people.make_geofence(acme)
    reply = client.get(URL, {field: value}, headers=hr)
    body = reply.json()
    assert (reply.status_code, set(body), set(body["errors"])) == (
        422,
        {"message", "errors", "code", "rule", "details"},
        {field},
    )


def test_it_is_read_only(client: Client, hr: dict[str, str]) -> None:
    assert client.post(URL, {}, content_type="application/json", headers=hr).status_code == 405
    assert client.get(f"{URL}/", headers=hr).status_code == 404
