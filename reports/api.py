"""Reports over REST: `/api/v1/admin/reports/…`, one address for each report.

Requests are translated into the verbs of `services`; nothing is decided here.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.http.response import HttpResponseBase
from django.utils import translation
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import BearerAuthentication
from accounts.permissions import READ_REPORTS, requires_ability
from accounts.throttling import V1_LIMIT
from reports import services
from reports.base import JSON, Report
from reports.formats import FORMATS, ReportFormat
from reports.forms import ISODateField, TenantChoiceField
from reports.serializers import ReportReplySerializer


class CanReadReport(BasePermission):
    """Somebody may look at the kind of row that the view's report shows."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raises PermissionDenied with the groups that could."""
        if not services.has_report_permission(request.user, view.report):
            raise PermissionDenied(services.report_denied_message(view.report))
        return True


class ReportView(APIView):
    """`GET /api/v1/admin/reports/<name>`: a report of the caller's organization, as JSON, CSV or
    XLSX.
    """

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, requires_ability(READ_REPORTS), CanReadReport)
    limits = (V1_LIMIT,)
    report: ClassVar[type[Report]] = Report

    def get(self, request: Request) -> HttpResponseBase:
        """The report, whole."""
        user: Any = request.user
        form = _requested_format(self.report, request.query_params.get("format", JSON))
        asked = services.build_report(self.report, user.organization, request.query_params)
        return services.export_report(asked, form, actor=user, request=request)


def _requested_format(report: type[Report], name: str) -> ReportFormat:
    if name not in report.formats:
        raise serializers.ValidationError(
            {"format": [f"Choose from: {', '.join(report.formats)}."]}
        )
    return FORMATS[name]


# --- Description ----------------------------------------------------------------------------------
def report_view_class(report: type[Report]) -> Any:
    """The view of one report, described by what the report says of itself."""
    view = type(f"{report.__name__}View", (ReportView,), {"report": report})
    with translation.override("en"):
        return extend_schema_view(get=_description(report))(view)


def _description(report: type[Report]) -> Any:
    files = {
        (200, FORMATS[name].content_type.partition(";")[0]): OpenApiTypes.BINARY
        for name in report.formats
    }
    return extend_schema(
        operation_id=f"admin_reports_{report.name.replace('-', '_')}",
        summary=str(report.title),
        description=str(report.description),
        parameters=[
            *_parameters(report),
            OpenApiParameter("format", str, enum=report.formats, default=JSON),
        ],
        responses={
            **files,
            (200, "application/json"): report.serializer_class or ReportReplySerializer,
        },
    )


def _parameters(report: type[Report]) -> list[OpenApiParameter]:
    return [
        OpenApiParameter(
            name,
            _type(field),
            required=field.required,
            enum=_enum(field),
            description=str(field.help_text or field.label or ""),
        )
        for name, field in report.form_class.base_fields.items()
    ]


def _type(field: forms.Field) -> Any:
    if isinstance(field, ISODateField):
        return OpenApiTypes.DATE
    if isinstance(field, forms.IntegerField | TenantChoiceField):
        return OpenApiTypes.INT
    return OpenApiTypes.STR


def _enum(field: forms.Field) -> list[str] | None:
    if isinstance(field, forms.ChoiceField) and not isinstance(field, TenantChoiceField):
        choices: Any = field.choices
        return [str(value) for value, _label in choices if value]
    return None
