"""The ground floor: organizations, sites, departments, employees and their assignments."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from employees.append_only import install_after_migrate


class EmployeesConfig(AppConfig):
    name = "employees"
    verbose_name = _("People and places")

    def ready(self) -> None:
        post_migrate.connect(install_after_migrate, dispatch_uid="employees.append_only")
