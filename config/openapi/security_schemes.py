"""How the OpenAPI file describes who may speak: one security scheme for each authentication class.

drf-spectacular finds them by `target_class` once this module is imported.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
)
from drf_spectacular.openapi import AutoSchema


def _header(name: str, description: str) -> dict[str, Any]:
    return {"type": "apiKey", "in": "header", "name": name, "description": description}


class BearerScheme(OpenApiAuthenticationExtension):
    """People."""

    target_class = "accounts.authentication.BearerAuthentication"
    name = "person"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """RFC 6750."""
        about = (
            "An access token of `POST /api/auth/token` or of mobile SSO, or a personal access token"
            " (`mst_…`)."
        )
        return {"type": "http", "scheme": "bearer", "description": about}


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """API clients: the header, or the query."""

    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = ["apiKeyHeader", "apiKeyQuery"]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        """Either will do."""
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        """One key, two places; the header beats the query."""
        query = {
            "type": "apiKey",
            "in": "query",
            "name": "api_key",
            "description": "The same, for who cannot send headers.",
        }
        return [
            _header("X-API-Key", "An API client's key (`fl_dev_…`), issued in the console."),
            query,
        ]


class MachineScheme(OpenApiAuthenticationExtension):
    """The HR channel's three, all of them."""

    target_class = "accounts.authentication.MachineAuthentication"
    name = ["machineToken", "machineKey", "machineClient"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        """They must belong together."""
        token = {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "From `POST /api/v1/oauth/token`.",
        }
        key = _header("X-Fluide-Api-Key", "The API client's key (`fl_dev_…`).")
        return [
            token,
            key,
            _header(
                "X-Fluide-Client-Id", "The client's audience label, `fluide-developer` by default."
            ),
        ]


class DeviceScheme(OpenApiAuthenticationExtension):
    """Terminals: serial and token."""

    target_class = "devices.authentication.DeviceAuthentication"
    name = ["deviceSerial", "deviceToken"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        """They must belong together."""
        return [
            _header("sn", "The terminal's serial."),
            _header("auth-token", "Its token, issued in the console."),
        ]


class EndpointScheme(OpenApiAuthenticationExtension):
    """Customers' servers."""

    target_class = "webhooks.authentication.FeedKeyAuthentication"
    name = "endpoint"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """RFC 6750."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "The endpoint's feed key (`mst_evt_…`), issued in the console.",
        }
