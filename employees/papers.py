"""Papers people upload: what they are by their own first bytes, and how they are handed out again.

Leave keeps medical certificates, tours keep orders and tickets. Files lie in the private store,
never under the web server.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import models
from django.db.models.fields.files import FieldFile
from django.http import FileResponse
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.parsers import MultiPartParser

from employees.models import Employee
from employees.refusals import Refused
from employees.tenancy import TenantModel

# By its first bytes: what a file calls itself is its sender's word.
TYPES: Final[Mapping[str, bytes]] = {
    "application/pdf": b"%PDF-",
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
}
GONE: Final = _(
    "The file is no longer in the store: only what was noted about it is left. Ask the employee for"
    " the paper again, and an administrator to look for it in the backups."
)


class Gone(Exception):
    """The row is there, its file is not: lost, or not restored with the database."""


class Paper(TenantModel):
    """What every paper that somebody handed in has. A model of its own adds `file`, which says
    where it lies.
    """

    file: Any
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    content_type = models.CharField(_("type"), max_length=40)
    size = models.PositiveIntegerField(_("size in bytes"))
    sha256 = models.CharField(max_length=64)
    uploaded_at = models.DateTimeField(_("uploaded"), auto_now_add=True)

    class Meta:
        abstract = True


class UploadTooLarge(APIException):
    """More than a door takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is larger than 1 MiB."
    default_code = "too_large"


class BoundedMultiPartParser(MultiPartParser):
    """A form with files, of at most 1 MiB altogether. A body of unknown length is empty to Django,
    and so refused.
    """

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """The form. Raises UploadTooLarge or ParseError."""
        declared = parser_context["request"].META.get("CONTENT_LENGTH") or "0"
        if declared.isdigit() and int(declared) > settings.MAX_BODY_BYTES:
            raise UploadTooLarge
        return super().parse(stream, media_type, parser_context)


P = TypeVar("P", bound=Paper)


def type_of(content: bytes) -> str | None:
    """What a file is by its first bytes; None for anything but PDF, JPEG and PNG."""
    return next((name for name, magic in TYPES.items() if content.startswith(magic)), None)


def stored(row: P, content: bytes, *, code: str, rule: str, message: Any) -> P:
    """Store a paper privately, with what it is by its own first bytes. Raises Refused for anything
    but PDF, JPEG and PNG.
    """
    kind = type_of(content)
    if kind is None:
        raise Refused(
            message, code=code, rule=rule, field="file", details={"allowed": sorted(TYPES)}
        )
    row.content_type, row.size, row.sha256 = kind, len(content), hashlib.sha256(content).hexdigest()
    # What it is called by its sender is not kept.
    row.file.save("paper", ContentFile(content), save=False)
    row.save()
    return row


def unguessable(folder: str, organization_id: int) -> str:
    """A place for a file: a name nobody can guess."""
    return f"{folder}/{organization_id}/{secrets.token_hex(16)}"


def handed_out(file: FieldFile, name: str, content_type: str) -> FileResponse:
    """The file as an attachment: what somebody uploaded is never shown as a page of ours. Raises
    Gone.
    """
    try:
        opened = file.open("rb")
    except FileNotFoundError as error:
        raise Gone from error
    return FileResponse(opened, as_attachment=True, filename=name, content_type=content_type)
