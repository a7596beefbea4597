"""Fences in the database: whose they are, when they hold, and how few of many are looked at."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from employees.models import Employee, Organization
from geofences.evaluation import REFUSAL_TEXT, PositionEvaluation, PositionOutcome
from geofences.geometry.faults import InvalidShape, ShapeFault
from geofences.models import AllowedNetwork, Geofence, GeofencePolicy
from geofences.services import (
    evaluate_position,
    geofence_by_external_id,
    geofence_ids_near,
    save_allowed_network,
    save_geofence,
    save_geofence_policy,
)
from geofences.shape_messages import FAULT_MESSAGES, describe_invalid_shape
from tests import people
from tests.geofences.geodesic import direct
from tests.geofences.test_geometry import polygon, square_polygon

OFFICE = (28.6175, 77.2085)
NOON = people.NOON


def evaluated(employee: Employee, **facts: Any) -> PositionEvaluation:
    """The verdict on the employee in the office's middle."""
    lat, lng = OFFICE
    given = {
        "lat": lat,
        "lng": lng,
        "accuracy_m": 5,
        "ssid": None,
        "site_id": None,
        "department_id": None,
        "at": NOON,
    }
    return evaluate_position(
        organization_id=employee.organization_id, employee_id=employee.pk, **(given | facts)
    )


def shape(lat: float = OFFICE[0], lng: float = OFFICE[1], half_m: float = 100) -> str:
    return json.dumps(square_polygon(lat, lng, half_m))


# --- Whom a fence is for --------------------------------------------------------------------------
def test_a_fence_of_the_organization_is_for_everybody_in_it_and_nobody_else(
    asha: Employee, chitra: Employee
) -> None:
    people.make_geofence(asha.organization, geojson=shape())
    assert evaluated(asha).outcome == PositionOutcome.INSIDE
    assert evaluated(chitra).outcome == PositionOutcome.UNFENCED


@pytest.mark.parametrize("scope", ["site", "department", "employee"])
def test_a_fence_is_for_its_site_department_or_employee_only(
    acme: Organization, asha: Employee, bala: Employee, scope: str
) -> None:
    rows = {
        "site": people.make_site(acme),
        "department": people.make_department(acme),
        "employee": asha,
    }
    people.make_geofence(acme, **{scope: rows[scope]})
    here = {"site_id": rows["site"].pk, "department_id": rows["department"].pk}
    elsewhere = {
        "site_id": people.make_site(acme, "North").pk,
        "department_id": people.make_department(acme, "North").pk,
    }
    assert evaluated(asha, **here).is_accepted
    assert evaluated(bala, **here).is_accepted is (scope != "employee")
    assert evaluated(bala, **elsewhere).outcome == PositionOutcome.UNFENCED
    assert evaluated(bala).outcome == PositionOutcome.UNFENCED


def test_any_of_several_fences_will_do(acme: Organization, asha: Employee) -> None:
    people.make_geofence(acme, 10, 10)
    people.make_geofence(acme, employee=asha)
    assert evaluated(asha).is_accepted
    assert evaluated(asha, lat=10, lng=10).is_accepted
    assert evaluated(asha, lat=20, lng=20).outcome == PositionOutcome.OUTSIDE


def test_a_fence_holds_from_its_start_until_just_before_its_end(
    acme: Organization, asha: Employee
) -> None:
    people.make_geofence(acme, starts_at=NOON, ends_at=NOON + timedelta(hours=1))
    second = timedelta(seconds=1)
    verdicts = [
        evaluated(asha, at=at).is_accepted
        for at in (NOON - second, NOON, NOON + timedelta(minutes=59), NOON + timedelta(hours=1))
    ]
    assert verdicts == [False, True, True, False]


def test_a_fence_that_is_switched_off_holds_nobody(acme: Organization, asha: Employee) -> None:
    people.make_geofence(acme, active=False)
    assert evaluated(asha).outcome == PositionOutcome.UNFENCED


@pytest.mark.parametrize("lng", [180, -180, 179.9995, -179.9995])
@pytest.mark.parametrize("lat", [0, 28, 60, 88.5])
def test_the_database_finds_the_fence_on_either_side_of_the_antimeridian(
    acme: Organization, asha: Employee, lat: float, lng: float
) -> None:
    fences = [
        people.make_geofence(acme, geojson=shape(lat, lng)),
        people.make_geofence(acme, lat, lng),
    ]
    for fence in fences:
        Geofence.objects.exclude(pk=fence.pk).update(active=False)
        Geofence.objects.filter(pk=fence.pk).update(active=True)
        for bearing in (0, 90, 180, 270):
            inside, outside = direct(lat, lng, bearing, 95), direct(lat, lng, bearing, 105)
            turn = [(one[0], (one[1] + 180) % 360 - 180) for one in (inside, outside)]
            assert (
                evaluated(asha, lat=turn[0][0], lng=turn[0][1], accuracy_m=1).outcome
                == PositionOutcome.INSIDE
            )
            assert (
                evaluated(asha, lat=turn[1][0], lng=turn[1][1], accuracy_m=1).outcome
                == PositionOutcome.OUTSIDE
            )
            assert (
                evaluated(asha, lat=turn[1][0], lng=turn[1][1], accuracy_m=6).outcome
                == PositionOutcome.NEAR
            )


def test_a_fence_at_a_pole_is_a_circle(acme: Organization, asha: Employee) -> None:
    people.make_geofence(acme, -90, 0)
    assert evaluated(asha, lat=-89.9995, lng=123).is_accepted
    assert not evaluated(asha, lat=-89.99, lng=123).is_accepted


# --- Wi-Fi and the rules --------------------------------------------------------------------------
def test_a_listed_wifi_suffices_for_those_it_is_for(
    acme: Organization, asha: Employee, bala: Employee, chitra: Employee
) -> None:
    network = save_allowed_network(
        AllowedNetwork(organization=acme, ssid="RSS-Wifi-Internal", employee=asha)
    )
    verdict = evaluated(asha, lat=0, lng=0, accuracy_m=3000, ssid="RSS-Wifi-Internal")
    assert (verdict.outcome, verdict.network_id) == (PositionOutcome.NETWORK, network.pk)
    assert not evaluated(bala, ssid="RSS-Wifi-Internal").is_accepted
    assert not evaluated(chitra, ssid="RSS-Wifi-Internal").is_accepted
    AllowedNetwork.objects.update(active=False)
    assert not evaluated(asha, ssid="RSS-Wifi-Internal").is_accepted


@pytest.mark.parametrize(
    ("seen", "known"),
    [
        ("Office", True),
        ('"Office"', True),
        ("office", False),
        ("Office ", False),
        ("", False),
        ("Off\0ice", False),
        ("Office\ud800", False),
        ("x" * 5000, False),
    ],
)
def test_a_wifi_name_is_compared_to_the_letter_and_android_quotes_it(
    acme: Organization, asha: Employee, seen: str, known: bool
) -> None:
    save_allowed_network(AllowedNetwork(organization=acme, ssid="Office"))
    assert evaluated(asha, ssid=seen).is_accepted is known


def test_the_organization_sets_its_own_rules(
    acme: Organization, asha: Employee, chitra: Employee
) -> None:
    save_allowed_network(AllowedNetwork(organization=acme, ssid="Office"))
    rules = GeofencePolicy(
        organization=acme,
        ssid_sufficient=False,
        unfenced="accept",
        max_accuracy_m=30,
        tolerance_m=10,
    )
    save_geofence_policy(rules)
    assert evaluated(asha).outcome == PositionOutcome.UNFENCED_ACCEPTED
    assert evaluated(chitra).outcome == PositionOutcome.UNFENCED
    people.make_geofence(acme)
    assert evaluated(asha, accuracy_m=31).outcome == PositionOutcome.INACCURATE
    assert evaluated(asha, accuracy_m=31, ssid="Office").outcome == PositionOutcome.INSIDE
    lat, lng = direct(*OFFICE, 0, 111)
    assert evaluated(asha, lat=lat, lng=lng, accuracy_m=30).refusal_text == REFUSAL_TEXT


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e300, 10**400])
@pytest.mark.parametrize("field", ["lat", "lng", "accuracy_m"])
def test_no_number_makes_an_error_only_a_refusal(
    acme: Organization, asha: Employee, field: str, bad: float
) -> None:
    people.make_geofence(acme)
    assert evaluated(asha, **{field: bad}).refusal_text == REFUSAL_TEXT


# --- Few queries, few rows ------------------------------------------------------------------------
def test_a_wifi_costs_one_query_a_fence_two_and_a_refusal_three(
    acme: Organization, asha: Employee
) -> None:
    save_allowed_network(AllowedNetwork(organization=acme, ssid="Office"))
    people.make_geofence(acme)
    for facts, count in (({"ssid": "Office"}, 1), ({}, 2), ({"lat": 0}, 3)):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            evaluated(asha, **facts)
        assert len(queries) == count, facts


def test_among_many_fences_only_those_nearby_are_fetched(
    acme: Organization, asha: Employee
) -> None:
    pattern = people.make_geofence(acme, 10, 10)
    rows = []
    for number in range(300):
        lat, lng = 20 + number % 20 / 50, 70 + number // 20 / 50
        row = Geofence(
            organization=acme,
            name=f"F{number}",
            kind="circle",
            latitude=lat,
            longitude=lng,
            radius_m=50,
        )
        row.clean_shape()
        rows.append(row)
    Geofence.objects.bulk_create(rows)
    found = Geofence.objects.of(acme).intersecting(pattern.shape.box)
    assert list(found) == [pattern]
    assert evaluated(asha, lat=20.1, lng=70.1).is_accepted


def test_more_fences_on_one_spot_than_are_fetched_at_a_time_are_all_tried(
    acme: Organization, asha: Employee
) -> None:
    row = Geofence(
        organization=acme,
        name="Far",
        kind="circle",
        latitude=OFFICE[0] + 0.0005,
        longitude=OFFICE[1],
        radius_m=1,
    )
    row.clean_shape()
    columns = {
        name: getattr(row, name)
        for name in ("latitude", "longitude", "south", "west", "north", "east", "square")
    }
    Geofence.objects.bulk_create(
        [
            Geofence(organization=acme, name=f"F{number}", kind="circle", radius_m=1, **columns)
            for number in range(120)
        ]
    )
    assert evaluated(asha).outcome == PositionOutcome.OUTSIDE
    people.make_geofence(acme)
    assert evaluated(asha).outcome == PositionOutcome.INSIDE


# --- Saving ---------------------------------------------------------------------------------------
def refusal(organization: Organization, **facts: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as refused:
        people.make_geofence(organization, **facts)
    found: dict[str, list[str]] = refused.value.message_dict
    return found


def test_an_invalid_shape_is_refused_at_its_field_with_reason_and_place(acme: Organization) -> None:
    bow = polygon([[77.0, 28.0], [77.01, 28.01], [77.01, 28.0], [77.0, 28.01]])
    assert refusal(acme, geojson=json.dumps(bow)) == {
        "geojson": ["The outline crosses or touches itself at latitude 28.005, longitude 77.005."]
    }
    assert (
        "longitude first"
        in refusal(
            acme, geojson=json.dumps(polygon([[28.0, 177.0], [28.01, 177.0], [28.01, 177.01]]))
        )["geojson"][0]
    )
    assert set(refusal(acme, geojson="  ")) == {"geojson"}
    assert set(refusal(acme, geojson="{}")) == {"geojson"}
    assert set(refusal(acme, radius_m=None, latitude=None)) == {"radius_m", "latitude"}
    assert set(refusal(acme, radius_m=0.5)) == {"radius_m"}
    assert not Geofence.objects.exists()


def test_every_fault_has_words_in_every_language() -> None:
    values = {
        "lat": 1,
        "lng": 2,
        "last_lat": 3,
        "last_lng": 4,
        "kind": "Point",
        "most": 5,
        "count": 6,
    }
    for language in ("en", "hi"):
        with translation.override(language):
            assert set(FAULT_MESSAGES) == set(ShapeFault)
            assert all(
                "%" not in describe_invalid_shape(InvalidShape(fault, **values))
                for fault in ShapeFault
            )


def test_coordinates_that_fit_the_other_way_round_are_questioned(
    acme: Organization, zenith: Organization
) -> None:
    assert people.make_geofence(
        acme, OFFICE[1], OFFICE[0]
    ).pk  # Nothing is known yet that would speak against it.
    Geofence.objects.all().delete()
    people.make_geofence(acme)
    assert "swapped" in refusal(acme, lat=OFFICE[1], lng=OFFICE[0])["latitude"][0]
    assert "swapped" in refusal(acme, geojson=shape(OFFICE[1], OFFICE[0]))["geojson"][0]
    assert people.make_geofence(zenith, OFFICE[1], OFFICE[0]).pk
    assert people.make_geofence(acme, 60, 25, name="Helsinki").pk


def test_a_fence_applies_to_one_thing_at_most(acme: Organization, asha: Employee) -> None:
    assert "Choose one" in str(refusal(acme, employee=asha, site=people.make_site(acme)))
    fence = people.make_geofence(acme, employee=asha)
    with pytest.raises(IntegrityError), transaction.atomic():
        Geofence.objects.filter(pk=fence.pk).update(site=people.make_site(acme, "North"))


def test_a_fence_of_another_organizations_site_is_refused_as_if_there_were_none(
    acme: Organization, zenith: Organization
) -> None:
    assert set(refusal(acme, site=people.make_site(zenith))) == {"site"}


def test_an_external_id_is_unique_in_its_organization(
    acme: Organization, zenith: Organization
) -> None:
    fence = people.make_geofence(acme, external_id=" HQ ")
    people.make_geofence(zenith, external_id="HQ")
    people.make_geofence(acme)
    people.make_geofence(acme)
    assert refusal(acme, external_id="HQ")
    assert (
        geofence_by_external_id(acme.pk, "HQ") == geofence_by_external_id(acme.pk, " HQ ") == fence
    )
    assert [
        geofence_by_external_id(acme.pk, text)
        for text in ("hq", "", " ", "H\0Q", "\ud800", "x" * 500)
    ] == [None] * 6


def test_a_fence_ends_after_it_starts(acme: Organization) -> None:
    assert "ends before" in str(refusal(acme, starts_at=NOON, ends_at=NOON))


def test_a_network_is_listed_once_for_the_same_people(
    acme: Organization, zenith: Organization
) -> None:
    site = people.make_site(acme)
    for facts in ({}, {"site": site}):
        save_allowed_network(AllowedNetwork(organization=acme, ssid="Office", **facts))
        with pytest.raises(ValidationError):
            save_allowed_network(AllowedNetwork(organization=acme, ssid="Office", **facts))
    save_allowed_network(AllowedNetwork(organization=zenith, ssid="Office"))
    with pytest.raises(ValidationError, match="32 bytes"):
        save_allowed_network(AllowedNetwork(organization=acme, ssid="कार्यालय" * 3))


def test_changing_a_shape_is_seen_by_the_next_punch(acme: Organization, asha: Employee) -> None:
    fence = people.make_geofence(acme, geojson=shape())
    assert evaluated(asha).is_accepted
    fence.geojson = shape(28.7, 77.3)
    save_geofence(fence)
    assert not evaluated(asha).is_accepted
    assert evaluated(asha, lat=28.7, lng=77.3).is_accepted
    fence.kind, fence.latitude, fence.longitude, fence.radius_m = Geofence.Kind.CIRCLE, *OFFICE, 20
    save_geofence(fence)
    assert (evaluated(asha).is_accepted, fence.geojson) == (True, "")


def test_near_names_the_fences_within_so_many_metres(acme: Organization) -> None:
    fence = people.make_geofence(acme)
    lat, lng = direct(*OFFICE, 45, 150)
    assert geofence_ids_near(Geofence.objects.of(acme), lat, lng, 51) == [fence.pk]
    assert geofence_ids_near(Geofence.objects.of(acme), lat, lng, 49) == []


def test_the_time_of_a_change_is_kept(acme: Organization) -> None:
    before = timezone.now()
    assert people.make_geofence(acme).updated_at >= before
