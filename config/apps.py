"""Settings, addresses, processes and the tools an operator starts."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        """Make the system checks known."""
        from config import checks, schema  # noqa: F401, PLC0415
