"""One's own account: who one is, and one's own personal access tokens. `/api/v1/me*`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts import services
from accounts.api.caching import no_store
from accounts.authentication import BearerAuthentication, BearerToken
from accounts.models import PersonalToken, TokenFamily, User
from accounts.permissions import abilities_of, groups_of
from accounts.serializers import (
    MeReplySerializer,
    NewTokenReplySerializer,
    NewTokenSerializer,
    RevokedReplySerializer,
    TokenReplySerializer,
)
from accounts.throttling import V1_LIMIT
from core.pagination import NewestFirstPagination
from core.serializers import validated_body
from employees.models import Assignment, Employee


class MeView(APIView):
    """`GET /api/v1/me`: the signed-in person and the employee they are."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)
    limits = (V1_LIMIT,)

    @extend_schema(responses=MeReplySerializer)
    def get(self, request: Request) -> Response:
        """The person, their groups and abilities, and their employee record or null."""
        user: User = request.user  # type: ignore[assignment]
        person = {
            "id": user.pk,
            "name": (
                user.get_full_name() or (user.employee.name if user.employee else user.username)
            ),
            "email": user.email or (user.employee.email if user.employee else ""),
            "groups": groups_of(user),
            "abilities": abilities_of(user),
        }
        return Response(
            {"user": person, "employee": user.employee and _employee_profile(user.employee)}
        )


class PersonalTokenViewSet(GenericViewSet[PersonalToken]):
    """`/api/v1/me/tokens`: somebody's own personal access tokens."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)
    limits = (V1_LIMIT,)
    pagination_class = NewestFirstPagination
    queryset = PersonalToken.objects.none()

    def get_queryset(self) -> Any:
        """The caller's own tokens."""
        user: User = self.request.user  # type: ignore[assignment]
        return PersonalToken.objects.of(user.organization_id).filter(user=user)

    @extend_schema(responses=TokenReplySerializer(many=True))
    def list(self, request: Request) -> Response:
        """All that were issued, revoked ones too."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([_personal_token_row(row) for row in page or []])

    @extend_schema(request=NewTokenSerializer, responses={201: NewTokenReplySerializer})
    def create(self, request: Request) -> Response:
        """A new token; `token` is in this one reply only."""
        asked = validated_body(NewTokenSerializer, request)
        lasts = timedelta(days=asked["days"]) if asked.get("days") else None
        row, text = services.issue_personal_token(
            request.user,  # type: ignore[arg-type]
            asked["name"],
            lifetime=lasts,
            request=request,
        )
        return no_store(
            Response(
                _personal_token_row(row) | {"token": text, "token_type": "Bearer"},
                status=status.HTTP_201_CREATED,
            )
        )

    @extend_schema(request=None, responses={200: TokenReplySerializer})
    def revoke(self, request: Request, pk: int) -> Response:
        """Revoke one of one's own tokens; it may be the one that is speaking."""
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise NotFound
        services.revoke_personal_token(row, actor=request.user, request=request)  # type: ignore[arg-type]
        row.refresh_from_db()
        return Response(_personal_token_row(row))

    @extend_schema(request=None, responses={200: RevokedReplySerializer})
    def sign_out(self, request: Request) -> Response:
        """End the sign-in, or the token, that this call was made with."""
        token: BearerToken = request.auth  # type: ignore[assignment]
        user: User = request.user  # type: ignore[assignment]
        if token.personal_id is not None:
            row = self.get_queryset().get(pk=token.personal_id)
            services.revoke_personal_token(row, actor=user, request=request)
        elif token.family_id is not None:
            family = TokenFamily.objects.of(user.organization_id).get(pk=token.family_id)
            services.revoke_token_family(family, actor=user, request=request)
        return Response({"revoked": True})


def _personal_token_row(row: PersonalToken) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "ends_in": row.hint,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "last_used_at": row.last_used_at,
    }


def _employee_profile(employee: Employee) -> dict[str, Any]:
    place = Assignment.current(employee)
    site = place.site if place else None
    manager = employee.manager
    return {
        "id": str(employee.pk),
        "code": employee.code,
        "name": employee.name,
        "site": site.name if site else None,
        "department": place.department.name if place and place.department else None,
        "timezone": (site.timezone if site else "") or employee.organization.timezone,
        "manager": (
            {"id": str(manager.pk), "code": manager.code, "name": manager.name} if manager else None
        ),
    }
