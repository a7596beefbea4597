"""The whole OpenAPI file: served by config/documentation.py; and the finishing touches that
SPECTACULAR_SETTINGS names (POSTPROCESSING_HOOKS).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

# One line break alone; two make a paragraph.
_LINE_BREAK: Final = re.compile(r"(?<!\n)\n(?!\n)")


def remove_enum_ids(result: Any, **_: Any) -> Any:
    """Postprocessing: take away what drf-spectacular leaves in choices to recognize them by."""
    if isinstance(result, dict):
        return {
            key: remove_enum_ids(value) for key, value in result.items() if key != "x-spec-enum-id"
        }
    return [remove_enum_ids(one) for one in result] if isinstance(result, list) else result


def join_description_lines(result: Any, **_: Any) -> Any:
    """Postprocessing: texts come from docstrings, and where the source wraps a line is not part of
    what it says. Empty lines stay: they divide paragraphs.
    """
    if isinstance(result, dict):
        return {
            key: (
                _LINE_BREAK.sub(" ", value)
                if key in {"summary", "description"} and isinstance(value, str)
                else join_description_lines(value)
            )
            for key, value in result.items()
        }
    return [join_description_lines(one) for one in result] if isinstance(result, list) else result


@cache
def openapi_document() -> bytes:
    """The OpenAPI file as JSON, worked out once per process. `manage.py spectacular` writes the
    same bytes.
    """
    return bytes(
        OpenApiJsonRenderer().render(
            SchemaGenerator().get_schema(request=None, public=True), renderer_context={}
        )
    )
