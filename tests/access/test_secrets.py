"""No secret of a whole run (sign-in, keys, tokens, punches by every channel, pushes) is anywhere
but where it was handed over.
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest
from celery.signals import before_task_publish
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.credentials import decrypt
from accounts.models import SecondFactor, User
from config import celery
from config.logs import RedactingFormatter
from core.raw_sql import run_sql
from employees.models import Change
from tests import people
from tests.access import routes
from tests.access.actors import TenantActor
from tests.access.routes import OPERATIONS
from tests.console.test_second_factor import set_up
from tests.console.test_tenant_isolation import MODELS, NAMES, pages, url
from tests.webhooks.conftest import dispatch_round, make_trusted
from tests.webhooks.receiver import Receiver, run_receiver
from webhooks import delivery
from webhooks.adoption import adopt_deliveries
from webhooks.lane_claims import claim_lanes
from webhooks.models import Endpoint
from webhooks.services import endpoint_auth_token

pytestmark = pytest.mark.any_engine

HEX = re.compile(
    r"mst_dev_[\w-]{43}|mst_evt_[\w-]{43}|fl_(?:dev|sec)_\w{49}|whsec_[\w+/=]{20,}|mst_cams_[\w-]{43}"
)


def marks(secrets: dict[str, str]) -> dict[str, str]:
    """A piece of each secret that nothing else has: its inside, or the signature of a
    signed token.
    """
    found = {}
    for name, secret in secrets.items():
        if name not in {"serial"}:
            inside = (
                secret.rpartition(".")[2]
                if secret.startswith("ey")
                else secret[9:33]
                if len(secret) > 40
                else secret
            )
            found[name] = inside
    return found


def leaks(where: str, text: str, secrets: dict[str, str]) -> list[str]:
    return [f"{name} in {where}" for name, mark in marks(secrets).items() if mark in text]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The customer's server."""
    with run_receiver() as running:
        yield running


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Every logger says everything, SQL and all; but the template engine's, which the settings keep
    from saying it.
    """
    assert not logging.getLogger("django.template").isEnabledFor(logging.DEBUG)
    for name in {"", *logging.root.manager.loggerDict} - {"django.template"}:
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def signed_in(ours: TenantActor) -> tuple[Client, dict[str, str]]:
    """A browser whose owner typed the password, after typing it wrongly, and then a code; and what
    the code comes from.
    """
    browser, codes = Client(), set_up(ours.user)
    key = decrypt(SecondFactor.objects.get(user=ours.user).secret_cipher)
    name = f"{ours.organization.slug}/{ours.user.username}"
    for password in (people.PASSWORD + "x", people.PASSWORD):
        browser.post(
            reverse("admin:login"),
            {"username": name, "password": password, "next": "/admin/"},
            follow=True,
        )
    browser.post("/admin/second-factor/", {"code": "000000"})
    browser.post("/admin/second-factor/", {"code": codes[0]})
    assert browser.get(reverse("admin:index")).status_code == 200
    return browser, {"second factor": key} | {
        f"recovery code {number}": code for number, code in enumerate(codes)
    }


def issue_everything(browser: Client, ours: TenantActor) -> dict[str, str]:
    """Press every button of the console that gives a secret; what was given, once, on the page that
    answers.
    """
    given = {}
    for model, name in zip(MODELS, NAMES, strict=True):
        row = getattr(ours.rows, name)
        for page in pages(model):
            if re.match(r"issue|rotate|feed", page):
                shown = HEX.findall(
                    browser.post(f"{url(name, 'changelist')}{row.pk}/{page}/").content.decode()
                )
                given |= {f"{name} {page} {number}": secret for number, secret in enumerate(shown)}
    assert len(given) >= 5
    return given


def call_every_operation(ours: TenantActor) -> tuple[dict[str, str], list[str]]:
    """Call every operation with good and with nearly good credentials; secrets that were answered,
    and every other answer.
    """
    given, answers = {}, []
    for operation in OPERATIONS:
        row = routes.path_row(operation, ours)
        path = routes.fill_path(operation, row.pk) if row else None
        good = ours.headers(operation.requirements[0]) if operation.requirements else {}
        near = {name: f"{value}x" for name, value in good.items()}
        for headers, fields in (
            (good, routes.valid_body(operation, ours)),
            (near, {}),
            (good, {"nonsense": True}),
        ):
            reply = operation.send(headers, path=path, fields=fields)
            told = reply.json() if reply.status_code < 400 else {}
            mine = {
                key: told[key]
                for key in ("access", "refresh", "access_token", "token")
                if told.get(key)
            }
            given |= {f"{operation} {key}": secret for key, secret in mine.items()}
            answers += [] if mine else [reply.content.decode()]
    body = json.dumps(routes.VALID_BODIES["POST /api/biometric/attendance"](ours))
    for key in (ours.secrets["key"], f"{ours.secrets['key']}x"):
        reply = Client().post(
            f"/api/biometric/attendance?api_key={key}", body, content_type="application/json"
        )
        answers.append(reply.content.decode())
    return given, answers


def test_no_secret_is_in_a_log_an_error_a_page_a_task_or_a_row(
    ours: TenantActor,
    receiver: Receiver,
    everything_logged: pytest.LogCaptureFixture,
    operator: User,
) -> None:
    if connection.vendor == "postgresql":
        # The run is one long transaction; on a busy machine a page of it may take longer than the
        # web's own may idle.
        run_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    ours.user.user_permissions.set(Permission.objects.all())
    cams = make_trusted(
        people.make_endpoint(
            ours.organization, receiver.url, "cams", name="cams", virtual_serial="V"
        )
    )
    Endpoint.objects.filter(pk=ours.rows.endpoint.pk).update(url=receiver.url)
    browser, factor = signed_in(ours)
    secrets = (
        ours.secrets
        | factor
        | {
            "cams": endpoint_auth_token(cams),
            "whsec": decrypt(cams.secret_cipher),
            "whsec too": decrypt(ours.rows.endpoint.secret_cipher),
            "pepper": "tests-only-" + "p" * 50,
            "settings": "tests-only-" + "k" * 50,
        }
    )
    issued, (given, answers) = issue_everything(browser, ours), call_every_operation(ours)
    secrets |= issued | given
    assert Change.objects.exists()

    published: list[str] = []
    note = lambda body, **more: published.append(f"{body} {more}")  # noqa: E731
    before_task_publish.connect(note)
    adopt_deliveries()
    handed = [(one.lane_id, one.token) for one in claim_lanes(40)]
    celery.publish_lanes(handed)
    before_task_publish.disconnect(note)
    assert published
    for lane_id, token in handed:
        delivery.run_lane(lane_id, token)
    while dispatch_round():
        pass
    assert any(b"AuthToken" in request.body for request in receiver.received)

    found = [leak for text in answers for leak in leaks("an answer", text, secrets)]
    found += [leak for text in published for leak in leaks("a task", text, secrets)]
    written, lines = RedactingFormatter("{message}", style="{"), defaultdict(set)
    for record in everything_logged.records:
        lines[record.name].add(written.format(record))
    for name, said in lines.items():
        found += leaks(f"a line of {name}", "\n".join(said), secrets)
    found += on_pages(browser, ours, secrets)
    found += in_rows(secrets)
    assert not found, "\n".join(sorted(set(found)))


def on_pages(browser: Client, ours: TenantActor, secrets: dict[str, str]) -> list[str]:
    """Leaks on the console's lists and on every page of our rows that only looks."""
    found = []
    addresses = [reverse("admin:index")]
    for model, name in zip(MODELS, NAMES, strict=True):
        addresses += [url(name, "changelist")]
        addresses += [
            f"{url(name, 'changelist')}{getattr(ours.rows, name).pk}/{page}/"
            for page in pages(model)
        ]
    for address in addresses:
        reply = browser.get(address, follow=True)
        content = b"".join(reply) if reply.streaming else reply.content
        found += leaks(address, content.decode(errors="replace"), secrets)
    return found


def in_rows(secrets: dict[str, str]) -> list[str]:
    """Leaks in any column of any table, as the database has it."""
    found = []
    # A push in the Cams format has its receiver's token in the body, as the format wants it.
    known = {
        name: one
        for name, one in secrets.items()
        if name != "cams" and not one.startswith("mst_cams_")
    }
    for model in apps.get_models():
        found += leaks(
            f"a row of {model._meta.label}", str(list(model._base_manager.values())), known
        )
    return found
