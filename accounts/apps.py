"""Who is speaking: users of the console, roles, keys and tokens."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from accounts.roles import ensure_roles_after_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        post_migrate.connect(ensure_roles_after_migrate, dispatch_uid="accounts.roles")
