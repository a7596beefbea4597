"""Who is speaking: people who sign in, roles, API clients, keys and tokens, and what happened to
them.
"""

from importlib import import_module

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from accounts.roles import ensure_roles_after_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Users and access")

    def ready(self) -> None:
        # Receivers need the models, which are loaded by now and not before.
        import_module("accounts.login_signals").connect_login_signals()
        post_migrate.connect(ensure_roles_after_migrate, dispatch_uid="accounts.roles")
