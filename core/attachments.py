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

from core.errors import RuleViolation
from core.tenancy import TenantModel

# By its first bytes: what a file calls itself is its sender's word.
ALLOWED_CONTENT_TYPES: Final[Mapping[str, bytes]] = {
    "application/pdf": b"%PDF-",
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
}
FILE_MISSING_TEXT: Final = _(
    "The file is missing from storage; only its details remain. Ask the employee to submit the"
    " document again, and ask an administrator to check the backups."
)


class FileMissing(Exception):
    """The row is there, its file is not: lost, or not restored with the database."""


class Attachment(TenantModel):
    """What every paper that somebody handed in has. A model of its own adds `file`, which says
    where it lies.
    """

    file: Any
    employee = models.ForeignKey(
        "employees.Employee", on_delete=models.PROTECT, verbose_name=_("employee")
    )
    content_type = models.CharField(_("type"), max_length=40)
    size = models.PositiveIntegerField(_("size in bytes"))
    sha256 = models.CharField(max_length=64)
    uploaded_at = models.DateTimeField(_("uploaded"), auto_now_add=True)

    class Meta:
        abstract = True


class UploadTooLarge(APIException):
    """More than a channel takes."""

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


AttachmentT = TypeVar("AttachmentT", bound=Attachment)


def detect_content_type(content: bytes) -> str | None:
    """What a file is by its first bytes; None for anything but PDF, JPEG and PNG."""
    return next(
        (name for name, magic in ALLOWED_CONTENT_TYPES.items() if content.startswith(magic)), None
    )


def store_attachment(
    attachment: AttachmentT, content: bytes, *, code: str, rule: str, message: Any
) -> AttachmentT:
    """Store a paper privately, with what it is by its own first bytes. Raises RuleViolation for
    anything but PDF, JPEG and PNG.
    """
    kind = detect_content_type(content)
    if kind is None:
        raise RuleViolation(
            message,
            code=code,
            rule=rule,
            field="file",
            details={"allowed": sorted(ALLOWED_CONTENT_TYPES)},
        )
    attachment.content_type, attachment.size, attachment.sha256 = (
        kind,
        len(content),
        hashlib.sha256(content).hexdigest(),
    )
    # What it is called by its sender is not kept.
    attachment.file.save("paper", ContentFile(content), save=False)
    attachment.save()
    return attachment


def upload_path(folder: str, organization_id: int) -> str:
    """A place for a file: a name nobody can guess."""
    return f"{folder}/{organization_id}/{secrets.token_hex(16)}"


def attachment_response(file: FieldFile, name: str, content_type: str) -> FileResponse:
    """The file as an attachment: what somebody uploaded is never shown as a page of ours. Raises
    Gone.
    """
    try:
        opened = file.open("rb")
    except FileNotFoundError as error:
        raise FileMissing from error
    return FileResponse(opened, as_attachment=True, filename=name, content_type=content_type)
