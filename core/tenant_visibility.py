"""The wall between tenants in the HR console: which rows a person may know of.

Staff of an organization see, choose, find and change rows of that organization only; another
tenant's id is answered like one that does not exist. Operators (superusers) see everything. All of
it hangs on one function, `visible_rows`, which knows every kind of row and returns nothing for a
kind it does not know. The bases of the console's pages ask it, and so does every view beside them.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.http import HttpRequest

from core.tenancy import is_tenant_root

_M = TypeVar("_M", bound=models.Model)


def is_operator(request: HttpRequest) -> bool:
    """Whether this is an operator of the whole installation."""
    return bool(request.user.is_superuser)


def tenant_id(request: HttpRequest) -> int | None:
    """The organization whose staff is speaking; None for an operator, and for somebody who belongs
    nowhere.
    """
    return None if is_operator(request) else getattr(request.user, "organization_id", None)


def visible_rows(request: HttpRequest, rows: models.QuerySet[_M]) -> models.QuerySet[_M]:
    """The part of `rows` that this person may know of. A kind of row that has no
    organization is nobody's: none of it.
    """
    if is_operator(request):
        return rows
    mine = tenant_id(request)
    if mine is None:
        return rows.none()
    if is_tenant_root(rows.model):
        return rows.filter(pk=mine)
    if not has_organization(rows.model):
        return rows.none()
    rows = rows.filter(organization=mine)
    if _has_field(rows.model, "is_superuser"):
        rows = rows.filter(is_superuser=False)
    return rows


def has_organization(model: type[models.Model]) -> bool:
    """Whether rows of this kind belong to one organization."""
    return _has_field(model, "organization")


def _has_field(model: type[models.Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def belongs_to_tenant(request: HttpRequest, obj: Any) -> bool:
    """The wall once more, for a row that came by a way nobody thought of. Unfold passes bare ids
    here: those say nothing.
    """
    if not isinstance(obj, models.Model) or is_operator(request):
        return True
    owner = obj.pk if is_tenant_root(type(obj)) else getattr(obj, "organization_id", None)
    return owner is not None and owner == tenant_id(request)
