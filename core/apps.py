"""The platform under every app: tenancy, raw SQL, append-only tables, times, pagination,
attachments, errors, background loops, the admin's bases and the guarded HTTP client.

It has no models of its own and imports no app.
"""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from core.append_only import install_triggers_after_migrate


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        post_migrate.connect(install_triggers_after_migrate, dispatch_uid="core.append_only")
