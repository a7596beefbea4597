"""The Hindi catalogs, read as plain text: every text has its words, and the words carry what is
filled in.
"""

from __future__ import annotations

import ast
import gettext
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import formats, translation

CATALOGS = [Path(path) / "hi/LC_MESSAGES/django.po" for path in settings.LOCALE_PATHS]
QUOTED = re.compile(r'^(?:(msgid_plural|msgid|msgstr|msgctxt)(?:\[\d\])? )?(".*")$')
# A text may say 100 % freely, so only named places count; one inside a plural's “one” may go
# without its number.
PLACES = re.compile(r"%\(\w+\)\d*[a-z]|\{\w*\}")

of_each_catalog = pytest.mark.parametrize(
    "catalog", CATALOGS, ids=lambda path: path.parents[2].name
)


def entries(catalog: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """(flags, texts in English, texts in Hindi) of each entry but the heading."""
    for block in catalog.read_text(encoding="utf-8").split("\n\n"):
        flags, asked, said = "", list[str](), list[str]()
        target = list[str]()
        for line in block.splitlines():
            if line.startswith("#"):
                flags += line if line.startswith("#,") else ""
            elif found := QUOTED.match(line):
                word, text = found[1], ast.literal_eval(found[2])
                if word:
                    target = asked if word.startswith("msgid") else said if word == "msgstr" else []
                    target.append("")
                target[-1] += text
        if asked and asked[0]:
            yield flags, asked, said


@of_each_catalog
def test_no_text_is_empty_or_a_guess(catalog: Path) -> None:
    found = list(entries(catalog))
    assert len(found) > 10
    assert [
        asked for flags, asked, said in found if "fuzzy" in flags or not said or not all(said)
    ] == []


@of_each_catalog
def test_what_is_filled_in_is_filled_in_in_hindi(catalog: Path) -> None:
    def fits(asked: list[str], said: list[str]) -> bool:
        wanted = [Counter(PLACES.findall(text)) for text in asked]
        return all(
            Counter(PLACES.findall(text)) in (wanted if len(wanted) > 1 else wanted[:1])
            for text in said
        )

    assert [asked for _, asked, said in entries(catalog) if not fits(asked, said)] == []


@of_each_catalog
def test_what_is_served_is_what_was_written(catalog: Path) -> None:
    with catalog.with_suffix(".mo").open("rb") as compiled:
        served = gettext.GNUTranslations(compiled)
    told = [
        served.gettext(asked[0]) if len(asked) == 1 else served.ngettext(asked[0], asked[1], 1)
        for _, asked, _ in entries(catalog)
    ]
    assert told == [said[0] for _, _, said in entries(catalog)]


@pytest.mark.parametrize("form", ["DATETIME_FORMAT", "TIME_FORMAT"])
def test_morning_and_evening_differ_in_hindi(form: str) -> None:
    with translation.override("hi"):
        morning, evening = (
            formats.date_format(datetime(2026, 6, 1, hour, 30, tzinfo=UTC), form)
            for hour in (4, 16)
        )
    assert morning != evening
