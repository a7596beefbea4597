"""The OpenAPI file: what it says beyond what drf-spectacular reads from the views.

The descriptions of security schemes and of the channels' fields are imported here, with the first
of these modules that the settings name, because drf-spectacular knows only what was imported.
"""

from config.openapi import channel_fields, security_schemes

__all__ = ["channel_fields", "security_schemes"]
