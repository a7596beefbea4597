"""Reports made in the background over REST: `/api/v1/admin/reports/jobs`. Translation only:
`services` and `downloads` have the verbs.
"""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.authentication import BearerAuthentication
from accounts.models import User
from accounts.permissions import READ_REPORTS, requires_ability
from accounts.throttling import V1_LIMIT
from core.pagination import NewestFirstPagination
from core.serializers import ClosedSerializer
from reports.base import CSV
from reports.catalog import REPORTS
from reports.formats import FORMATS
from reports.forms import ISODateField, TenantChoiceField
from reports.jobs.downloads import download_report
from reports.jobs.errors import job_error_message
from reports.jobs.permissions import jobs_visible_to
from reports.jobs.services import cancel_report_job, report_title, request_report
from reports.models import ReportJob
from reports.serializers import JobReplySerializer


# --- Bodies ---------------------------------------------------------------------------------------
class TextParameterField(serializers.CharField):
    """An answer to a question of a report; its form reads it."""

    def __init__(self, **more: Any) -> None:
        super().__init__(
            **(
                {"required": False, "allow_blank": True, "allow_null": True, "max_length": 200}
                | more
            )
        )


@extend_schema_field(OpenApiTypes.DATE)
class DateParameterField(TextParameterField):
    """A date."""


@extend_schema_field(OpenApiTypes.INT)
class NumberParameterField(TextParameterField):
    """A number, or the id of a row."""


class JobBodySerializer(ClosedSerializer):
    """Which report, as which file, and the answers to its questions: those that its own address
    takes as a query.
    """

    report = serializers.ChoiceField(choices=list(REPORTS))
    format = serializers.ChoiceField(choices=list(FORMATS), default=CSV)


def _parameter_field(field: forms.Field) -> serializers.Field[Any, Any, Any, Any]:
    kind = DateParameterField if isinstance(field, ISODateField) else TextParameterField
    kind = (
        NumberParameterField if isinstance(field, forms.IntegerField | TenantChoiceField) else kind
    )
    return kind(help_text=str(field.help_text or field.label or ""))


# Every question of every report; `from` is a word of the contract, and of Python.
JobBodySerializer._declared_fields |= {
    name: _parameter_field(field)
    for report in REPORTS.values()
    for name, field in report.form_class.base_fields.items()
}

_FILES: Final[dict[Any, Any]] = {
    (200, form.content_type.partition(";")[0]): OpenApiTypes.BINARY for form in FORMATS.values()
}


class ReportJobViewSet(GenericViewSet[ReportJob]):
    """`/api/v1/admin/reports/jobs`: one's own, and for administrators those of their
    organization.
    """

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, requires_ability(READ_REPORTS))
    limits = (V1_LIMIT,)
    pagination_class = NewestFirstPagination
    queryset = ReportJob.objects.none()

    def get_queryset(self) -> Any:
        """What the caller may know of."""
        user: User = self.request.user  # type: ignore[assignment]
        return jobs_visible_to(user).select_related("asked_by")

    def _job_or_404(self, pk: int) -> ReportJob:
        found: ReportJob | None = self.get_queryset().filter(pk=pk).first()
        if found is None:
            raise NotFound
        return found

    @extend_schema(request=JobBodySerializer, responses={202: JobReplySerializer})
    def create(self, request: Request) -> Response:
        """Have a report made in the background. The same question, asked again before it is
        answered, is the same job.

        `Location` is where to ask how far it is. Who has too many under way is refused with the
        code `too_many_reports`.
        """
        body = JobBodySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked: dict[str, Any] = {
            name: value for name, value in body.validated_data.items() if value is not None
        }
        kind, form = REPORTS[asked.pop("report")], FORMATS[asked.pop("format")]
        if form.name not in kind.formats:
            raise serializers.ValidationError(
                {"format": [f"Choose from: {', '.join(kind.formats)}."]}
            )
        user: User = request.user  # type: ignore[assignment]
        job = request_report(kind, user.organization, asked, form, actor=user, request=request)  # type: ignore[arg-type]
        at = reverse("report-job", args=(job.pk,))
        return Response(
            report_job_body(job), status=status.HTTP_202_ACCEPTED, headers={"Location": at}
        )

    @extend_schema(responses=JobReplySerializer(many=True))
    def list(self, request: Request) -> Response:
        """All that were asked for, newest first."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([report_job_body(one) for one in page or []])

    @extend_schema(responses={200: JobReplySerializer})
    def retrieve(self, request: Request, pk: int) -> Response:
        """How far a report is."""
        return Response(report_job_body(self._job_or_404(pk)))

    @extend_schema(request=None, responses={200: JobReplySerializer, 409: None})
    def cancel(self, request: Request, pk: int) -> Response:
        """Stop making it. One that is over already is answered 409."""
        return Response(report_job_body(cancel_report_job(self._job_or_404(pk))))

    @extend_schema(responses={**_FILES, 409: None, 410: None})
    def file(self, request: Request, pk: int) -> HttpResponseBase:
        """The finished file. 409 while there is none, 410 when its time is over; every download is
        written down.
        """
        user: User = request.user  # type: ignore[assignment]
        return download_report(self._job_or_404(pk), actor=user, request=request)


def report_job_body(job: ReportJob) -> dict[str, Any]:
    """A job as the API tells it."""
    ready = job.state == ReportJob.State.DONE
    return {
        "id": job.pk,
        "report": job.report,
        "title": report_title(job),
        "format": job.format,
        "language": job.language,
        "asked": job.parameter_values,
        "asked_by": job.asked_by.get_username(),
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "percent": job.percent,
        "rows": job.rows,
        "size_bytes": job.size,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "expires_at": job.expires_at,
        "error": {"code": job.error, "message": job_error_message(job)} if job.error else None,
        "file": reverse("report-job-file", args=(job.pk,)) if ready else None,
    }
