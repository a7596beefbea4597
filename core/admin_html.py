"""Addresses and bits of HTML for the console's pages: links, badges, tables. Called by admin
classes and views of every app.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


def change_url(obj: models.Model) -> str:
    """The address of a row's page in the console."""
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=(obj.pk,))


def changelist_url(model: type[models.Model]) -> str:
    """The address of a kind's list in the console."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def link_html(url: str, text: Any) -> SafeString:
    """A link in the console's own colour."""
    return format_html('<a class="text-link" href="{}">{}</a>', url, text)


def badge_html(text: Any, kind: str) -> SafeString:
    """A coloured word, in lists and on pages alike. Kinds: success, info, warning, danger."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind})


def preformatted_html(text: str) -> SafeString:
    """Text as it is, in a box that scrolls."""
    return format_html('<pre class="muster-pre">{}</pre>', text)


def table_html(head: Sequence[Any], rows: Iterable[Sequence[Any]], empty: Any) -> SafeString:
    """A table within a page of one row; `empty` says what it means that there are none."""
    body = [(format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows]
    if not body:
        return format_html("<p>{}</p>", empty)
    return format_html(
        '<table class="muster-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
        format_html_join("", "<th>{}</th>", ((cell,) for cell in head)),
        format_html_join("", "<tr>{}</tr>", body),
    )
