"""How the REST API behaves (REST_FRAMEWORK), and its OpenAPI file (SPECTACULAR_SETTINGS).

Imported by the settings, so it names classes and functions by their dotted paths only.
"""

from __future__ import annotations

from typing import Any, Final

REST_FRAMEWORK: Final[dict[str, Any]] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    # A view without `limits` is not limited.
    "DEFAULT_THROTTLE_CLASSES": ["accounts.throttling.RateLimitThrottle"],
    "DEFAULT_PARSER_CLASSES": ["config.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.negotiation.FirstRendererNegotiation",
    "DEFAULT_SCHEMA_CLASS": "config.openapi.operations.ChannelAutoSchema",
    # OPTIONS is a method like others; the OpenAPI file says what it would say.
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "config.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

# The OpenAPI file (config/openapi): served at /docs, kept as docs/openapi.json.
SPECTACULAR_SETTINGS: Final[dict[str, Any]] = {
    "TITLE": "Muster",
    "VERSION": "1",
    "DESCRIPTION": (
        "Attendance: punches in by four channels, days out, pushed on. docs/api.md tells how to get"
        " a token for each."
    ),
    "OAS_VERSION": "3.0.3",
    "SCHEMA_PATH_PREFIX": "/api(?:/v1)?",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_INCLUDE_SCHEMA": False,
    # Choices stand where they are used; a name for each set of them would be a name nobody uses.
    "POSTPROCESSING_HOOKS": [
        "config.openapi.document.remove_enum_ids",
        "config.openapi.document.join_description_lines",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}
