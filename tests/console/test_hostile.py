"""Whatever somebody puts into a form of the console, the answer is a page that says what is wrong,
never a failure.

A few forms, put wrong in a few ways; MUSTER_VERIFY=1 tries every form of the console in every way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse

from tests.console.test_tenant_isolation import BY_NAME, NAMES, pages

pytestmark = pytest.mark.any_engine

# What forms hold beside what people type.
KEPT = {"csrfmiddlewaretoken"}
VALUES = {
    "empty": "",
    "nul": "a\x00b",
    "long": "9" * 5000,
    "negative": "-1",
    "infinite": "1e999",
    "nan": "NaN",
    "huge": "170141183460469231731687303715884105728",
    "json": '{"a": [',
    "nested": "[" * 2000,
    "date": "9999-12-31",
    "early": "0001-01-01",
    "no date": "2026-13-45",
    "markup": "<script>1</script>",
    "list": "[1, 2]",
}

ALL = os.environ.get("MUSTER_VERIFY") == "1"
TOGETHER = tuple(VALUES) if ALL else ("nul", "json")
ALONE = ("nul", "huge", "json", "infinite", "early", "negative")


class Form(NamedTuple):
    """A form of a page: the fields it would send, and the names of those that are lists or
    files.
    """

    fields: dict[str, str]
    files: frozenset[str]


class Forms(HTMLParser):
    """Reads the forms that post."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Form] = []
        self._fields: dict[str, str] | None = None
        self._files: set[str] = set()
        self._area = self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag == "form":
            self._fields, self._files = (
                ({} if given.get("method", "").lower() == "post" else None),
                set(),
            )
        if self._fields is None:
            return
        name = given.get("name", "")
        if tag == "input" and name:
            if given.get("type") == "file":
                self._files.add(name)
            elif given.get("type") not in {"checkbox", "radio"} or "checked" in given:
                self._fields[name] = given.get(
                    "value", "on" if given.get("type") == "checkbox" else ""
                )
        elif tag == "textarea":
            self._area = name
            self._fields[name] = ""
        elif tag == "select":
            self._select = name
            self._fields[name] = ""
        elif tag == "option" and "selected" in given:
            self._fields[self._select] = given.get("value", "")
        elif tag == "button" and name:
            self._fields[name] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._area and self._fields is not None:
            self._fields[self._area] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        if tag == "form" and self._fields is not None:
            self.found.append(Form(self._fields, frozenset(self._files)))
            self._fields = None


def forms(page: str) -> list[Form]:
    """The forms of a page that are about it, not about the person."""
    reader = Forms()
    reader.feed(page)
    return [
        form for form in reader.found if "language" not in form.fields and set(form.fields) - KEPT
    ]


def tampered(form: Form) -> Iterator[tuple[str, dict[str, Any]]]:
    """The form, put wrong in many ways."""
    typed = [name for name in form.fields if name not in KEPT and not name.startswith("_")]
    counted = [name for name in typed if name.endswith("_FORMS")]
    plain = [name for name in typed if name not in counted]
    for what in TOGETHER:
        yield what, form.fields | dict.fromkeys(plain, VALUES[what])
    # One wrong field leaves the others to be looked at together with it.
    for number, name in enumerate(plain):
        for what in ALONE if ALL else ALONE[number : number + 1] * (number < 2):
            yield f"{what} in {name}", form.fields | {name: VALUES[what]}
    for name in counted[: None if ALL else 1]:
        for value in ("", "-1", "9" * 30, "1000000", "x") if ALL else ("x",):
            yield f"{name}={value}", form.fields | {name: value}
    yield "nothing but the token", {}
    if form.files:
        paper = SimpleUploadedFile("a\x00../../b.pdf", b"%PDF-1.4 \x00\xff" * 10)
        yield "a strange file", form.fields | dict.fromkeys(form.files, paper)


def addresses(rows: SimpleNamespace, name: str) -> list[str]:
    """Every page of the console about a kind of row and about one such row."""
    model = BY_NAME[name]
    base = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    own = [str(one.pattern) for one in admin.site._registry[model].get_urls()]
    bare = [f"{base}{path}" for path in own if path and "<" not in path and path != "autocomplete/"]
    return [*bare, *(f"{base}{getattr(rows, name).pk}/{page}/" for page in pages(model))]


@pytest.mark.parametrize("name", NAMES if ALL else ("punch", "day", "site", "device", "tour"))
def test_a_form_put_wrong_is_answered_with_a_page(
    staff: Client, ours: SimpleNamespace, name: str
) -> None:
    wrong = []
    for address in addresses(ours, name):
        page = staff.get(address, follow=True)
        if "text/html" not in page.headers.get("Content-Type", "") or page.streaming:
            continue
        for form in forms(page.content.decode()):
            for what, fields in tampered(form):
                try:
                    with transaction.atomic():
                        answer = staff.post(address, fields)
                        transaction.set_rollback(True)
                except Exception as error:  # noqa: BLE001
                    wrong.append(f"{address} {what}: {type(error).__name__}: {str(error)[:150]}")
                else:
                    if answer.status_code >= 500:
                        wrong.append(f"{address} {what}: {answer.status_code}")
    assert wrong == [], "\n".join(wrong[:400])
