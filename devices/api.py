"""People's phones over REST: `POST /api/v1/devices/register`, `GET /api/v1/devices`, `POST
/api/v1/devices/{id}/deactivate`.
"""

from __future__ import annotations

import re
from typing import Any, Final
from unicodedata import category
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.authentication import BearerAuthentication
from accounts.models import User
from accounts.permissions import MANAGE_ATTENDANCE, IsEmployee, forbidden_message, has_ability
from accounts.throttling import V1_LIMIT
from core.pagination import NewestFirstPagination
from core.serializers import StrictSerializer
from devices import phones
from devices.models import Phone
from devices.public_keys import MAX_KEY_LENGTH, read_public_key

# One spelling, as it is part of what is signed: no braces, no urn:, no 32 digits in a row.
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def validate_single_line(text: str) -> None:
    """Raise a ValidationError for line breaks and other control characters. The joiners of Hindi
    and of emoji are none.
    """
    if any(category(char) in {"Cc", "Zl", "Zp"} for char in text):
        raise serializers.ValidationError("Control characters are not allowed.")


class RegisterBodySerializer(StrictSerializer):
    """What a phone says about itself; what else it says is not heard."""

    # An app tells its version and its system's, which change nothing about the phone.
    ignores_unknown_fields = True
    device_uuid = serializers.CharField(max_length=36)
    platform = serializers.ChoiceField(choices=Phone.Platform.choices)
    model = serializers.CharField(max_length=200, validators=[validate_single_line])
    public_key = serializers.CharField(max_length=MAX_KEY_LENGTH, trim_whitespace=False)
    name = serializers.CharField(
        max_length=200,
        required=False,
        allow_null=True,
        allow_blank=True,
        validators=[validate_single_line],
    )

    def validate_device_uuid(self, value: str) -> UUID:
        """Kept as what it names; told in lower case."""
        if _UUID.fullmatch(value) is None:
            raise serializers.ValidationError(
                "A UUID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301 is required."
            )
        return UUID(value)

    def validate_public_key(self, value: str) -> bytes:
        """As canonical DER."""
        try:
            return read_public_key(value)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error


class PhoneRowSerializer(serializers.Serializer[dict[str, Any]]):
    """A phone as its owner sees it."""

    id = serializers.IntegerField()
    device_uuid = serializers.UUIDField(help_text="In lower case.")
    platform = serializers.ChoiceField(choices=Phone.Platform.choices)
    model = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=("active", "revoked"))
    registered_at = serializers.DateTimeField()
    last_punch_at = serializers.DateTimeField(allow_null=True)


class PhoneViewSet(GenericViewSet[Phone]):
    """The phones people punch with: their own, and for staff those of the organization."""

    authentication_classes = (BearerAuthentication,)
    limits = (V1_LIMIT,)
    pagination_class = NewestFirstPagination
    queryset = Phone.objects.none()

    def get_permissions(self) -> Any:
        """Staff who are no employees have no phones of their own, but may deactivate others'."""
        return (
            [IsAuthenticated()]
            if self.action == "deactivate"
            else [IsAuthenticated(), IsEmployee()]
        )

    def get_queryset(self) -> Any:
        """The phones the caller may act on: another's is answered like one that does not exist."""
        user: User = self.request.user  # type: ignore[assignment]
        rows = Phone.objects.of(user.organization_id)
        everybody = self.action == "deactivate" and has_ability(user, MANAGE_ATTENDANCE)
        return rows if everybody else rows.filter(employee=user.employee_id)

    @extend_schema(responses=PhoneRowSerializer(many=True))
    def list(self, request: Request) -> Response:
        """The caller's own phones, revoked ones too."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([_phone_row(phone) for phone in page or []])

    @extend_schema(
        request=RegisterBodySerializer, responses={200: PhoneRowSerializer, 201: PhoneRowSerializer}
    )
    def register(self, request: Request) -> Response:
        """Register this phone, or replace what is known of it: 201 for a new row, else 200."""
        user: User = request.user  # type: ignore[assignment]
        body = RegisterBodySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        wanted = phones.PhoneRegistration(
            asked["device_uuid"],
            asked["platform"],
            asked["model"],
            asked["public_key"],
            asked.get("name"),
        )
        phone, created = phones.register_phone(user.employee, wanted, actor=user, request=request)  # type: ignore[arg-type]
        return Response(
            _phone_row(phone), status=status.HTTP_201_CREATED if created else status.HTTP_200_OK
        )

    @extend_schema(request=None, responses={200: PhoneRowSerializer, 403: None})
    def deactivate(self, request: Request, pk: int) -> Response:
        """Take a phone out of service: one's own, to be registered again at will; or as staff,
        until staff release it.
        """
        user: User = request.user  # type: ignore[assignment]
        if user.employee_id is None and not has_ability(user, MANAGE_ATTENDANCE):
            raise PermissionDenied(forbidden_message(MANAGE_ATTENDANCE))
        phone = self.get_queryset().filter(pk=pk).first()
        if phone is None:
            raise NotFound
        verb = (
            phones.deactivate_phone
            if phone.employee_id == user.employee_id
            else phones.revoke_phone
        )
        verb(phone, actor=user, request=request)
        return Response(_phone_row(phone))


def _phone_row(phone: Phone) -> dict[str, Any]:
    return {
        "id": phone.pk,
        "device_uuid": str(phone.device_uuid),
        "platform": phone.platform,
        "model": phone.model,
        "name": phone.name,
        "status": phone.status,
        "registered_at": phone.registered_at,
        "last_punch_at": phone.last_punch_at,
    }
