"""Pages in a real Chromium: they show what they should, break no content policy, and ask nobody
outside.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings
from django.db import connections
from django.test import Client
from django.urls import reverse
from playwright.sync_api import sync_playwright

from accounts.models import SignInSettings, User
from reports.jobs import execution, leases
from reports.models import ReportJob
from tests import people
from tests.console.conftest import make_tenant_rows

CHROMIUM = os.environ.get("MUSTER_CHROMIUM") or shutil.which("chromium")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.any_engine,
    pytest.mark.skipif(
        CHROMIUM is None, reason="there is no chromium on the path, and MUSTER_CHROMIUM names none"
    ),
]
WATCH = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP ${event.violatedDirective} ${event.blockedURI}`
    + ` ${event.sourceFile}:${event.lineNumber}`));"""


@pytest.fixture
def visit(live_server: Any, settings: LazySettings) -> Iterator[Any]:
    """Open a page as somebody, and give the page; what the browser complained of and asked for is
    in `seen`.
    """
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    settings.SESSION_COOKIE_NAME = "sessionid"  # Browsers take the other name over TLS only.
    settings.PUSH_ALLOW_HTTP, settings.PUSH_ALLOWED_NETWORKS = True, ["127.0.0.0/8"]
    world = people.make_world()
    rows = make_tenant_rows(world.acme, "acmemark", world.asha)
    SignInSettings.objects.update(sso_enabled=True, issuer="https://login.example", client_id="m")
    signed_in = Client()
    signed_in.force_login(people.make_staff(world.acme, "acme-hr"))
    seen = SimpleNamespace(complaints=[], hosts=set(), rows=rows)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context()
        context.add_init_script(WATCH)
        session = signed_in.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda said: said.type == "error" and seen.complaints.append(said.text))
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("request", lambda asked: seen.hosts.add(urlsplit(asked.url).netloc))

        def go(address: str) -> tuple[Any, SimpleNamespace]:
            page.goto(live_server.url + address, wait_until="networkidle")
            return page, seen

        yield go
        browser.close()
    assert seen.complaints == []
    assert seen.hosts <= {urlsplit(live_server.url).netloc, ""}


def test_the_api_documentation_shows_every_operation(visit: Any) -> None:
    page, _seen = visit("/api/documentation")
    page.wait_for_selector(".opblock")
    assert page.locator(".info .title").inner_text().startswith("Muster")
    paths = page.locator(".opblock-summary-path").all_inner_texts()
    assert any("punch" in path.replace("\u200b", "") for path in paths)
    page.locator(".opblock-summary", has_text="healthz").click()
    page.get_by_text("Try it out").click()
    page.get_by_text("Execute", exact=True).click()
    page.wait_for_selector(".live-responses-table")
    assert '"ok"' in page.locator(".live-responses-table").inner_text()


def test_the_consoles_pages_work_under_their_policy(visit: Any) -> None:
    page, seen = visit(reverse("admin:index"))
    assert page.locator(".muster-chart").count() == 1
    visit(reverse("admin:devices_device_changelist"))
    page, _seen = visit(reverse("admin:devices_device_change", args=(seen.rows.device.pk,)))
    assert page.locator("input[name=serial]").input_value() == "GATE-1"
    page, _seen = visit(reverse("admin:employees_employee_add"))
    assert page.locator("input[name=code]").count() == 1
    page, _seen = visit(reverse("second-factor-set-up"))
    assert page.locator(".muster-qr svg").bounding_box()["width"] > 150
    page, _seen = visit(
        reverse("admin:accounts_signinsettings_change", args=(seen.rows.signinsettings.pk,))
    )
    assert page.locator("input[name=new_secret]").get_attribute("type") == "password"
    page.context.clear_cookies()
    page, _seen = visit(f"{reverse('admin:login')}?organization=acme")
    assert (
        page.get_by_text("Sign in with acmemark login")
        .get_attribute("href")
        .startswith("/api/auth/sso/redirect?")
    )


def test_the_home_page_fits_a_phone_and_signs_out(visit: Any) -> None:
    page, _seen = visit(reverse("admin:login"))
    page.context.clear_cookies()
    elsewhere(lambda: User.objects.filter(username="acme-hr").update(is_staff=False))
    page.set_viewport_size({"width": 360, "height": 640})
    page, _seen = visit("/")
    page.fill("input[name=username]", "acme-hr")
    page.fill("input[name=password]", people.PASSWORD)
    page.click("#login-form button")
    page.wait_for_url("**/home")
    assert page.locator("h1").inner_text() == "acme-hr"
    page.click("button[lang=hi]")
    page.wait_for_load_state()
    assert page.locator("html").get_attribute("lang") == "hi"
    for button in page.locator("button").all():
        assert button.bounding_box()["height"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_text("साइन-आउट करें").click()
    page.wait_for_selector("#login-form")


def elsewhere(work: Callable[[], Any]) -> Any:
    """The result of something that asks the database, in another thread: this one has Playwright's
    event loop.
    """

    def alone() -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(alone).result()


def test_my_reports_follows_by_itself_what_is_being_made(
    visit: Any, settings: LazySettings, tmp_path: Path
) -> None:
    settings.REPORT_DIR = tmp_path
    elsewhere(ReportJob.objects.all().delete)
    page, _seen = visit(reverse("report-page", args=("attendance",)))
    page.click("button[value=later]")
    cell = page.locator("[data-report-job]")
    cell.get_by_text("Waiting").wait_for()
    taken = elsewhere(leases.lease_next_job)
    cell.get_by_text("Running").wait_for()
    assert cell.locator("progress").count() == 1
    elsewhere(lambda: execution.run_report_job(taken))
    cell.get_by_text("Ready").wait_for()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith(".csv")


def test_a_fence_is_drawn_on_the_map_into_its_fields(visit: Any) -> None:
    page, _seen = visit(reverse("admin:geofences_geofence_add"))
    box = page.locator("#muster-map").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def click(*places: tuple[int, int]) -> None:
        for east, south in places:
            page.mouse.move(x + east, y + south)
            page.mouse.click(x + east, y + south)

    page.click(".leaflet-pm-icon-rectangle")
    click((50, -100), (250, 100))
    page.wait_for_function("document.getElementById('id_geojson').value")
    assert json.loads(page.input_value("#id_geojson"))["type"] == "Polygon"
    page.click(".leaflet-pm-icon-cut")
    click((100, -50), (200, -50), (200, 50), (100, 50), (100, -50))
    page.wait_for_function(
        "JSON.parse(document.getElementById('id_geojson').value).coordinates.length === 2"
    )
    page.fill("#id_name", "Drawn")
    page.click("[name=_save]")
    page.wait_for_url(f"**{reverse('admin:geofences_geofence_changelist')}")
    page.locator("#result_list").get_by_text("Drawn").click()
    page.wait_for_url("**/change/")
    assert len(json.loads(page.input_value("#id_geojson"))["coordinates"]) == 2
    page.click(".leaflet-pm-icon-circle")
    box = page.locator("#muster-map").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    click((-100, 0), (-50, 0))
    page.wait_for_function("document.getElementById('id_kind').value === 'circle'")
    assert (page.input_value("#id_geojson"), float(page.input_value("#id_radius_m")) > 1) == (
        "",
        True,
    )
