"""What every row of every app shares: it belongs to one organization, and queries start there.

Models derive from :class:`TenantModel`; callers begin with ``Model.objects.of(organization)``. Used
by all apps above.
"""

from __future__ import annotations

from typing import Any, Self, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

_M_co = TypeVar("_M_co", bound=models.Model, covariant=True)


def is_tenant_root(model: type[Any]) -> bool:
    """Whether rows of this kind are the tenants themselves: `employees.Organization` says so by its
    class attribute.
    """
    return bool(getattr(model, "is_tenant_root", False))


class TenantQuerySet(models.QuerySet[_M_co]):
    """The vocabulary every tenant model starts from."""

    def of(self, organization: Any) -> Self:
        """Rows of one organization (an instance or its id)."""
        return self.filter(organization=organization)


class TenantModel(models.Model):
    """A row of one organization. ``full_clean`` refuses references into another organization."""

    organization = models.ForeignKey(
        "employees.Organization", on_delete=models.PROTECT, verbose_name=_("organization")
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        """Refuse a foreign key that leads to another tenant, in the words used for an id that does
        not exist.
        """
        super().clean()
        if not self.organization_id:
            return
        errors: dict[str, ValidationError] = {}
        for field in self._meta.concrete_fields:
            related = field.related_model
            if not isinstance(related, type) or not issubclass(related, TenantModel):
                continue
            target = getattr(self, field.name) if getattr(self, field.attname) is not None else None
            if target is not None and target.organization_id != self.organization_id:
                errors[field.name] = ValidationError(
                    _("Select a valid choice. That choice is not one of the available choices.")
                )
        if errors:
            raise ValidationError(errors)
