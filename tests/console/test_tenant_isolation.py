"""Staff of acme walk through the whole console with zenith's ids in hand, and learn nothing."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import ROLES, ensure_roles
from core.tenant_admin import TenantAdmin
from employees.models import Employee, Organization, Site
from tests import people

pytestmark = pytest.mark.any_engine

NEVER = 987_654_321  # an id that no row has
MODELS = [model for model in admin.site._registry if model._meta.app_label != "auth"]
NAMES = [model._meta.model_name for model in MODELS]
BY_NAME = dict(zip(NAMES, MODELS, strict=True))
OBJECT = "<path:object_id>/"


def pages(model: type[models.Model]) -> list[str]:
    """What comes after a row's id in the addresses of its pages: `change`, `history`, and all that
    the admin class adds.
    """
    patterns = [str(one.pattern) for one in admin.site._registry[model].get_urls()]
    # Django's own page for a new password spells its variable in another way.
    spelled = [pattern.replace("<id>/", OBJECT) for pattern in patterns]
    unknown = [one for one in spelled if "<" in one.removeprefix(OBJECT) or "(" in one]
    assert unknown == [], (
        f"teach `pages` of tests/console/test_tenant_isolation.py how to fill {unknown}"
    )
    return [
        one.removeprefix(OBJECT).rstrip("/")
        for one in spelled
        if one.startswith(OBJECT) and one != OBJECT
    ]


ACTIONS = [
    (model._meta.model_name, page)
    for model in MODELS
    for page in pages(model)
    if page not in {"change", "history", "delete", "password"}
]


def url(name: str, page: str, *args: Any) -> str:
    meta = BY_NAME[name]._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def text(response: Any) -> str:
    """The page, and those it leads to."""
    return response.content.decode()


def test_every_page_of_the_console_stands_behind_the_wall() -> None:
    assert [
        model for model in MODELS if not isinstance(admin.site._registry[model], TenantAdmin)
    ] == []


def test_no_page_shows_a_bare_id_field_because_it_names_any_row_it_is_given() -> None:
    assert [model for model in MODELS if admin.site._registry[model].raw_id_fields] == []


def test_a_list_shows_our_rows_and_none_of_theirs(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    for name in NAMES:
        page = text(staff.get(url(name, "changelist")))
        assert "zenithmark" not in page, name
        assert f"/{getattr(ours, name).pk}/change/" in page, name


def test_our_own_row_opens(staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace) -> None:
    for name in NAMES:
        response = staff.get(url(name, "change", getattr(ours, name).pk))
        assert response.status_code == 200, name
        assert "zenithmark" not in text(response), name


def test_their_row_is_answered_like_one_that_never_was(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    for name, page in product(NAMES, ("change", "history", "delete")):
        pk = getattr(theirs, name).pk
        nobody = "00000000-0000-4000-8000-000000000000" if name == "employee" else NEVER
        answer, unknown = (staff.get(url(name, page, one), follow=True) for one in (pk, nobody))
        assert (answer.status_code, answer.redirect_chain) == (
            unknown.status_code,
            unknown.redirect_chain,
        ), (name, page)
        assert "zenithmark" not in text(answer), (name, page)


@pytest.mark.parametrize("method", ["get", "post"])
def test_every_page_of_their_row_is_answered_like_one_that_never_was(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace, method: str
) -> None:
    for name in NAMES:
        row = getattr(theirs, name)
        before = BY_NAME[name].objects.filter(pk=row.pk).values().get()
        base = url(name, "changelist")
        nobody = "00000000-0000-4000-8000-000000000000" if len(str(row.pk)) == 36 else NEVER
        for page in pages(BY_NAME[name]):
            answer, unknown = (
                getattr(staff, method)(f"{base}{pk}/{page}/", follow=True)
                for pk in (row.pk, nobody)
            )
            assert (answer.status_code, answer.redirect_chain) == (
                unknown.status_code,
                unknown.redirect_chain,
            ), (name, page)
            assert "zenithmark" not in text(answer), (name, page)
        assert BY_NAME[name].objects.filter(pk=row.pk).values().get() == before


def test_the_pages_that_belong_to_no_kind_of_row_show_nothing_of_theirs(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    for pattern in admin.site.get_urls():
        name, path = getattr(pattern, "name", None), str(pattern.pattern)
        if hasattr(pattern, "url_patterns") or name in {None, "logout"}:
            continue
        if name == "view_on_site":
            kinds = ContentType.objects.get_for_models(*MODELS)
            addresses = [
                f"r/{kind.pk}/{getattr(theirs, model._meta.model_name).pk}/"
                for model, kind in kinds.items()
            ]
        elif name == "app_list":
            addresses = [f"{label}/" for label in {model._meta.app_label for model in MODELS}]
        else:
            assert "<" not in path, f"teach this test how to fill {path}"
            addresses = [path]
        for address in addresses:
            response = staff.get(f"/admin/{address}", {"s": "zenith"}, follow=True)
            assert response.status_code < 500
            assert "zenithmark" not in text(response), address


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}, {"password": "!"}])
def test_who_is_shut_out_is_out_on_every_page_at_once(
    staff: Client, ours: SimpleNamespace, acme_staff: User, change: dict[str, Any]
) -> None:
    addresses = [url(name, "changelist") for name in NAMES] + [
        reverse("admin:index"),
        reverse("admin:autocomplete"),
    ]
    addresses += [
        f"{url(name, 'changelist')}{getattr(ours, name).pk}/{page}/"
        for name in NAMES
        for page in pages(BY_NAME[name])
    ]
    assert staff.get(addresses[0]).status_code == 200
    User.objects.filter(pk=acme_staff.pk).update(**change)
    for address in addresses:
        response = staff.get(address)
        assert response.status_code == 302, address
        assert response.headers["Location"].startswith(reverse("admin:login")), address


def test_posting_to_their_row_changes_nothing(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    for name in NAMES:
        row = getattr(theirs, name)
        before = BY_NAME[name].objects.filter(pk=row.pk).values().get()
        response = staff.post(
            url(name, "change", row.pk), {"name": "ours now", "serial": "X", "_save": "1"}
        )
        assert response.status_code in {302, 403, 404}, name
        assert BY_NAME[name].objects.filter(pk=row.pk).values().get() == before, name


@pytest.mark.parametrize(
    "name",
    ["site", "department", "employee", "assignment", "device", "endpoint", "user", "geofence"],
)
def test_an_empty_form_offers_only_our_rows(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace, name: str
) -> None:
    response = staff.get(
        url(name, "add"),
        {"site": theirs.site.pk, "employee": theirs.employee.pk, "manager": theirs.employee.pk},
    )
    assert response.status_code == 200
    assert "zenithmark" not in text(response)
    assert 'name="organization"' not in text(response)


@pytest.mark.parametrize(
    ("app", "model", "field"),
    [
        ("employees", "employee", "manager"),
        ("employees", "assignment", "employee"),
        ("employees", "assignment", "site"),
        ("devices", "deviceuser", "employee"),
        ("accounts", "user", "employee"),
        ("accounts", "user", "organization"),
        ("attendance", "punchmatch", "employee"),
        ("attendance", "punch", "device"),
        ("webhooks", "delivery", "endpoint"),
        ("attendance", "punchmatch", "matched_by"),
        ("devices", "phone", "employee"),
        ("devices", "phone", "deactivated_by"),
        ("geofences", "geofence", "employee"),
        ("geofences", "allowednetwork", "employee"),
    ],
)
def test_autocomplete_finds_only_our_rows(
    staff: Client,
    ours: SimpleNamespace,
    theirs: SimpleNamespace,
    operator: User,
    app: str,
    model: str,
    field: str,
) -> None:
    for term in ("", "zenith", "1001", "GATE", "operator"):
        asked = {"app_label": app, "model_name": model, "field_name": field, "term": term}
        response = staff.get(reverse("admin:autocomplete"), asked)
        assert response.status_code == 200
        assert "zenithmark" not in text(response)
        assert "operator" not in text(response)


@pytest.mark.parametrize("method", ["get", "post"])
def test_their_row_has_no_actions(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace, method: str
) -> None:
    for name, action in ACTIONS:
        address = url(name, "change", getattr(theirs, name).pk).replace("/change/", f"/{action}/")
        response = getattr(staff, method)(address, {"employee": ours.employee.pk})
        assert response.status_code == 404, address
        assert "zenithmark" not in text(response), address
    assert theirs.device.tokens.count() == 1
    assert theirs.device.tokens.filter(revoked_at__isnull=True).count() == 1
    assert type(theirs.phone).objects.get(pk=theirs.phone.pk).status == "active"


ORACLES = (
    "organization__slug__startswith=z",
    "organization=2",
    "employee__organization__name__contains=z",
    "_to_field=name",
    "id__gt=0&organization__name=zenithmark+org",
    "_popup=1&_to_field=organization",
    "password__startswith=a",
    "token_hash__startswith=a",
    "secret_cipher__startswith=g",
    "employee__user__password__startswith=a",
    "subject__startswith=a",
)


def test_the_query_string_opens_no_window(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    for name in NAMES:
        for query in ORACLES:
            response = staff.get(f"{url(name, 'changelist')}?{query}")
            assert response.status_code in {302, 400}, (name, query)
            assert "zenithmark" not in text(response), (name, query)


def test_a_filter_on_their_row_finds_what_an_unknown_id_finds(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    for name, field, pk in (
        ("device", "site", theirs.site.pk),
        ("punch", "device", theirs.device.pk),
    ):
        pages = [
            text(staff.get(url(name, "changelist"), {f"{field}__id__exact": one}))
            for one in (pk, NEVER)
        ]
        assert "zenithmark" not in pages[0]
        assert all("No results" in page for page in pages)


@pytest.mark.parametrize("field", ["site", "department", "employee"])
def test_their_id_in_a_form_is_an_invalid_choice(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace, field: str
) -> None:
    good = {
        "employee": ours.employee.pk,
        "site": ours.site.pk,
        "department": ours.department.pk,
        "starts_on": "2020-02-02",
        "ends_on": "2020-03-03",
    }
    page = text(staff.post(url("assignment", "add"), good | {field: getattr(theirs, field).pk}))
    assert "Select a valid choice" in page
    assert "zenithmark" not in page


def test_an_organization_in_the_form_is_not_heard(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    staff.post(url("site", "add"), {"name": "North", "organization": theirs.organization.pk})
    assert Site.objects.get(name="North").organization == ours.organization


def test_staff_rename_their_own_organization_but_not_its_short_name(
    staff: Client, ours: SimpleNamespace
) -> None:
    fields = {"name": "Acme Ltd", "slug": "other", "timezone": "Asia/Kolkata"}
    assert (
        staff.post(url("organization", "change", ours.organization.pk), fields).status_code == 302
    )
    organization = Organization.objects.get(pk=ours.organization.pk)
    assert (organization.name, organization.slug) == ("Acme Ltd", "acme")
    assert staff.get(url("organization", "add")).status_code == 403


def test_staff_make_no_operator(staff: Client, acme: Organization) -> None:
    ensure_roles()
    staff.post(
        url("user", "add"),
        {
            "username": "new",
            "usable_password": "true",
            "password1": people.PASSWORD,
            "password2": people.PASSWORD,
            "is_staff": "on",
            "is_superuser": "on",
            "organization": "",
            "user_permissions": ["1"],
            "groups": [Group.objects.get(name="reports").pk],
        },
    )
    user = User.objects.get(username="new")
    assert (user.is_superuser, user.organization, user.user_permissions.count()) == (False, acme, 0)
    fields = {
        "username": "new",
        "is_superuser": "on",
        "is_active": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00",
    }
    assert staff.post(url("user", "change", user.pk), fields).status_code == 302
    user.refresh_from_db()
    assert not user.is_superuser


def test_staff_do_not_see_operators_nor_change_their_password(
    staff: Client, operator: User, acme: Organization
) -> None:
    User.objects.filter(pk=operator.pk).update(organization=acme)
    assert "operator" not in text(staff.get(url("user", "changelist")))
    assert staff.get(url("user", "change", operator.pk)).status_code == 302
    password = reverse("admin:auth_user_password_change", args=(operator.pk,))
    assert (
        staff.post(
            password, {"password1": people.PASSWORD + "x", "password2": people.PASSWORD + "x"}
        ).status_code
        == 404
    )


def test_a_user_is_given_no_employee_of_another_organization(
    staff: Client, root: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    User.objects.filter(pk=theirs.user.pk).update(employee=None)
    fields = {
        "username": "x",
        "usable_password": "true",
        "password1": people.PASSWORD,
        "password2": people.PASSWORD,
        "employee": theirs.employee.pk,
    }
    assert "Select a valid choice" in text(staff.post(url("user", "add"), fields))
    assert "Select a valid choice" in text(
        root.post(url("user", "add"), fields | {"organization": ours.organization.pk})
    )
    assert not User.objects.filter(username="x").exists()


def test_only_the_four_roles_can_be_given(staff: Client) -> None:
    ensure_roles()
    Group.objects.create(name="wizards")
    page = text(staff.get(url("user", "add")))
    assert "wizards" not in page.split('name="groups"', 1)[1]
    assert all(f"{role}" in page for role in ROLES)


def test_staff_without_an_organization_see_nothing(
    client: Client, ours: SimpleNamespace, acme_staff: User
) -> None:
    acme_staff.organization = None
    client.force_login(acme_staff)
    # The database lets no such user be; the wall would hold all the same.
    request = type("Request", (), {"user": acme_staff})()
    assert not admin.site._registry[Employee].get_queryset(request).exists()


def test_an_operator_sees_both_and_moves_nothing_across(
    root: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    page = text(root.get(url("device", "changelist")))
    assert "zenithmark gate" in page
    assert "acmemark gate" in page
    refused = text(
        root.post(
            url("assignment", "add"),
            {
                "organization": ours.organization.pk,
                "employee": ours.employee.pk,
                "site": theirs.site.pk,
                "starts_on": "2020-02-02",
                "ends_on": "2020-03-03",
            },
        )
    )
    assert "Select a valid choice" in refused


def test_the_first_page_and_the_search_count_only_our_rows(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    response = staff.get(reverse("admin:index"))
    assert "zenithmark" not in text(response)
    numbers = {str(card.title): card.number for card in response.context["muster"]["devices"]}
    assert sum(numbers.values()) <= 1
    assert "zenithmark" not in text(
        staff.get(reverse("admin:search"), {"s": "zenith", "extended": "1"})
    )


def test_a_view_only_role_changes_nothing(client: Client, ours: SimpleNamespace) -> None:
    client.force_login(people.make_staff(ours.organization, "looker", role="reports"))
    assert client.get(url("device", "change", ours.device.pk)).status_code == 200
    assert client.post(url("device", "change", ours.device.pk), {"serial": "X"}).status_code == 403
    for name, action in ACTIONS:
        address = url(name, "change", getattr(ours, name).pk).replace("/change/", f"/{action}/")
        assert client.post(address).status_code in {403, 404}
    assert client.get(url("endpoint", "changelist")).status_code == 403
    assert "acmemark evidence" not in text(client.get(url("punch", "change", ours.punch.pk)))
