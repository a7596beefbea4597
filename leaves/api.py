"""Leave over REST: `/api/v1/leaves…` for people and their approvers, `/api/v1/holidays`,
`/api/v1/admin/holidays`.

Requests are translated into the verbs of `services`, their results into the contract's rows;
nothing is decided here.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.approvals.people import employee_summary, user_display_name
from accounts.approvals.serializers import (
    ApprovalDecisionSerializer,
    ApprovalRemarksSerializer,
    remarks_field,
)
from accounts.approvals.views import (
    ApprovalViewSet,
    request_employee,
    request_user,
    validated_body,
)
from accounts.authentication import BearerAuthentication
from accounts.models import User
from accounts.permissions import (
    MANAGE_ATTENDANCE,
    IsEmployee,
    local_today,
    requires_ability,
)
from accounts.throttling import V1_LIMIT
from core.attachments import BoundedMultiPartParser
from core.pagination import NewestFirstPagination
from core.serializers import StrictSerializer
from employees.models import Assignment, Employee, HalfDayReservation
from leaves import statements
from leaves.eligibility.evaluation import LeaveEligibility
from leaves.eligibility.refusal import LeaveRefusal
from leaves.filters import FIRST_YEAR, LAST_YEAR, HolidayFilter, LeaveFilter
from leaves.models import (
    CalendarDay,
    Certificate,
    Child,
    HolidayCalendar,
    LeaveApplication,
    LeaveTypeChoices,
)
from leaves.rule_messages import to_json_value, to_rule_violation
from leaves.serializers import (
    HALF_DAY_CHOICES,
    AdminHolidayReplySerializer,
    BalancesReplySerializer,
    ChildrenReplySerializer,
    HolidaysReplySerializer,
    IdReplySerializer,
    LeaveReplySerializer,
    OutlookReplySerializer,
    PreviewReplySerializer,
)
from leaves.services.amendments import cancel_leave, convert_leave, curtail_leave, extend_leave
from leaves.services.application_data import WITHHOLD_OPTIONS, LeaveApplicationData, WithheldOffDays
from leaves.services.applications import apply_for_leave, preview_leave
from leaves.services.certificates import store_certificate
from leaves.services.decisions import decide_leave, preview_decision, recommend_leave
from leaves.year_balances import LeaveBalance

# The six of the contract; special casual leave is HR's.
SELF_SERVICE_TYPES: Final = [
    (kind.value, kind.label) for kind in LeaveTypeChoices if kind != LeaveTypeChoices.SCL
]


def validate_calendar_year(value: date) -> None:
    """Refuse dates no calendar is kept for."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise serializers.ValidationError(f"The year must be from {FIRST_YEAR} to {LAST_YEAR}.")


def _date_field(**more: Any) -> serializers.DateField:
    return serializers.DateField(validators=[validate_calendar_year], **more)


# --- Bodies ---------------------------------------------------------------------------------------
class LeaveBodySerializer(StrictSerializer):
    """An application for leave. `half_day_session` says which half; a half day without it is the
    forenoon.
    """

    leave_type = serializers.ChoiceField(choices=SELF_SERVICE_TYPES)
    start_date = _date_field()
    end_date = _date_field()
    is_half_day = serializers.BooleanField(required=False, allow_null=True, default=None)
    half_day_session = serializers.ChoiceField(
        choices=HALF_DAY_CHOICES, required=False, allow_null=True, default=None
    )
    reason = serializers.CharField(max_length=500)
    child_id = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2**63 - 1
    )
    certificate_id = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2**63 - 1
    )
    for_study = serializers.BooleanField(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A session without a half day contradicts itself."""
        if attrs["half_day_session"] and attrs["is_half_day"] is False:
            raise serializers.ValidationError({"half_day_session": ["A whole day has no session."]})
        attrs["is_half_day"] = bool(attrs["is_half_day"] or attrs["half_day_session"])
        if attrs["is_half_day"] and attrs["start_date"] != attrs["end_date"]:
            raise serializers.ValidationError({"end_date": ["A half day is taken on one date."]})
        return attrs


class DecisionBodySerializer(ApprovalDecisionSerializer):
    """A decision. `withhold_prefix`, `withhold_suffix`: off days just before, or after, are leave
    and are debited.
    """

    withhold_prefix = serializers.BooleanField(required=False, default=False)
    withhold_suffix = serializers.BooleanField(required=False, default=False)


class RecommendationBodySerializer(StrictSerializer):
    """What an officer recommends to the one who decides."""

    recommendation = serializers.ChoiceField(choices=LeaveApplication.Recommendation.choices)
    remarks = remarks_field()


class RemarksBodySerializer(ApprovalRemarksSerializer):
    """Why."""


class CurtailBodySerializer(RemarksBodySerializer):
    """The new last day."""

    end_date = _date_field()


class ExtendBodySerializer(StrictSerializer):
    """The new last day, and why."""

    end_date = _date_field()
    reason = serializers.CharField(max_length=500)


class ConvertBodySerializer(RemarksBodySerializer):
    """The other kind, which was due then."""

    leave_type = serializers.ChoiceField(choices=SELF_SERVICE_TYPES)
    certificate_id = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2**63 - 1
    )


class CertificateBodySerializer(StrictSerializer):
    """A medical certificate: PDF, JPEG or PNG, at most 1 MiB with everything around it."""

    file = serializers.FileField(max_length=255)
    sick_on = _date_field(required=False, allow_null=True)
    fit_on = _date_field(required=False, allow_null=True)


class YearQuerySerializer(StrictSerializer):
    """Which year; without it this one."""

    year = serializers.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR, required=False)


# --- Views ----------------------------------------------------------------------------------------
class LeaveViewSet(ApprovalViewSet[LeaveApplication]):
    """`/api/v1/leaves`: one's own leave, and for approvers that of the people they decide for."""

    filterset_class = LeaveFilter
    queryset = LeaveApplication.objects.none()
    serializer_class = LeaveReplySerializer  # type: ignore[assignment]
    pending_status = LeaveApplication.Status.PENDING
    shared_actions = ("cancel",)
    approver_actions = (
        "to_decide",
        "decision_preview",
        "recommend",
        "approve",
        "curtail",
        "convert",
    )

    def all_rows(self, organization_id: Any) -> QuerySet[LeaveApplication]:
        """The applications of an organization."""
        return _with_related(LeaveApplication.objects.of(organization_id))

    def row_body(self, row: LeaveApplication) -> dict[str, Any]:
        """An application as the API gives it."""
        return leave_body(row)

    @extend_schema(responses=LeaveReplySerializer(many=True))
    def list(self, request: Request) -> Response:
        """My applications, newest first."""
        return self.list_page()

    @extend_schema(responses=LeaveReplySerializer(many=True))
    def to_decide(self, request: Request) -> Response:
        """Pending applications that the caller may decide."""
        return self.list_page()

    @extend_schema(request=LeaveBodySerializer, responses={201: LeaveReplySerializer})
    def create(self, request: Request) -> Response:
        """Apply for leave. A refusal names its code, its rule and the numbers it used."""
        user, employee = _user_and_employee(request)
        application = apply_for_leave(employee, _application_data(request, employee), actor=user)
        return Response(leave_body(_reloaded(application)), status=status.HTTP_201_CREATED)

    @extend_schema(request=LeaveBodySerializer, responses={200: PreviewReplySerializer})
    def preview(self, request: Request) -> Response:
        """What this would cost and why, without applying."""
        _user, employee = _user_and_employee(request)
        seen = preview_leave(employee, _application_data(request, employee))
        charges = seen.eligibility.day_debits
        return Response(
            {
                "allowed": not seen.refusals,
                "chargeable_days": sum(one.half_days for one in charges) / seen.factor / 2,
                "available_before": seen.available_before / 2,
                "available_after": seen.available_after / 2,
                "days": [
                    {
                        "date": one.day,
                        "session": one.half,
                        "day_class": str(one.day_class),
                        "part": str(one.part),
                        "days_debited": one.half_days / 2,
                    }
                    for one in charges
                ],
                "refusals": [_refusal_body(one) for one in seen.refusals],
                "who_decides": _sanction_body(seen.eligibility),
            }
        )

    @extend_schema(
        parameters=[YearQuerySerializer], responses=BalancesReplySerializer, filters=False
    )
    def balances(self, request: Request) -> Response:
        """The year's balances of the six kinds, in days."""
        _user, employee = _user_and_employee(request)
        year = _year(request, employee)
        as_of, standings = statements.leave_statement(employee, year)
        return Response(
            {"year": year, "as_of": as_of, "data": [_balance_body(one) for one in standings]}
        )

    @extend_schema(responses=ChildrenReplySerializer, filters=False)
    def children(self, request: Request) -> Response:
        """One's own children on record: `child_id` of an application for child care leave."""
        _user, employee = _user_and_employee(request)
        rows = Child.objects.of(employee.organization_id).filter(
            employee=employee, died_on__isnull=True
        )
        return Response(
            {
                "data": [
                    {"id": c.pk, "name": c.name, "born_on": c.born_on, "disabled": c.disabled}
                    for c in rows
                ]
            }
        )

    @extend_schema(responses={200: OutlookReplySerializer, 403: None}, filters=False)
    def decision_preview(self, request: Request, pk: int) -> Response:
        """What a decision would come to: who decides, why it is not the caller's to approve, and
        what withholding costs.
        """
        one = self.row_or_404(pk)
        seen = preview_decision(one, request_user(request))
        return Response(
            {
                "status": one.status,
                "who_decides": _sanction_body(seen.eligibility),
                "recommendation": one.recommendation or None,
                "refusal": _refusal_body(seen.refusal) if seen.refusal else None,
                "days_debited": {name: seen.days_debited.get(name) for name in WITHHOLD_OPTIONS},
            }
        )

    @extend_schema(
        request=RecommendationBodySerializer,
        responses={200: LeaveReplySerializer, 403: None, 409: None},
    )
    def recommend(self, request: Request, pk: int) -> Response:
        """Say, once, whether pending leave should be sanctioned. Another officer decides."""
        body = validated_body(RecommendationBodySerializer, request)
        favour = body["recommendation"] == LeaveApplication.Recommendation.RECOMMENDED
        one = recommend_leave(
            self.row_or_404(pk),
            actor=request_user(request),
            recommended=favour,
            remarks=body["remarks"] or "",
        )
        return Response(leave_body(_reloaded(one)))

    @extend_schema(
        request=DecisionBodySerializer, responses={200: LeaveReplySerializer, 403: None, 409: None}
    )
    def approve(self, request: Request, pk: int) -> Response:
        """Decide a pending application, once."""
        body = validated_body(DecisionBodySerializer, request)
        one = decide_leave(
            self.row_or_404(pk),
            actor=request_user(request),
            approve=body["decision"] == "approve",
            remarks=body["remarks"] or "",
            withhold=WithheldOffDays(body["withhold_prefix"], body["withhold_suffix"]),
        )
        return Response(leave_body(_reloaded(one)))

    @extend_schema(
        request=RemarksBodySerializer, responses={200: LeaveReplySerializer, 403: None, 409: None}
    )
    def cancel(self, request: Request, pk: int) -> Response:
        """Take an application back: one's own before it begins, or as its authority."""
        body = validated_body(RemarksBodySerializer, request)
        return Response(
            leave_body(
                _reloaded(
                    cancel_leave(
                        self.row_or_404(pk),
                        actor=request_user(request),
                        remarks=body["remarks"] or "",
                    )
                )
            )
        )

    @extend_schema(request=CurtailBodySerializer, responses={200: LeaveReplySerializer, 409: None})
    def curtail(self, request: Request, pk: int) -> Response:
        """End leave earlier; the days after it are given back."""
        body = validated_body(CurtailBodySerializer, request)
        one = curtail_leave(
            self.row_or_404(pk),
            ends_on=body["end_date"],
            actor=request_user(request),
            remarks=body["remarks"] or "",
        )
        return Response(leave_body(_reloaded(one)))

    @extend_schema(request=ExtendBodySerializer, responses={201: LeaveReplySerializer, 409: None})
    def extend(self, request: Request, pk: int) -> Response:
        """Ask for more of the same: a new application for the days after it."""
        body = validated_body(ExtendBodySerializer, request)
        one = extend_leave(
            self.row_or_404(pk),
            ends_on=body["end_date"],
            actor=request_user(request),
            reason=body["reason"],
        )
        return Response(leave_body(_reloaded(one)), status=status.HTTP_201_CREATED)

    @extend_schema(request=ConvertBodySerializer, responses={200: LeaveReplySerializer, 409: None})
    def convert(self, request: Request, pk: int) -> Response:
        """Change the kind of leave that was taken, within the window after rejoining."""
        body, one = validated_body(ConvertBodySerializer, request), self.row_or_404(pk)
        paper = _certificate(body["certificate_id"], one.employee)
        done = convert_leave(
            one,
            kind=body["leave_type"],
            actor=request_user(request),
            certificate=paper,
            remarks=body["remarks"] or "",
        )
        return Response(leave_body(_reloaded(done)))


class CertificateView(APIView):
    """`POST /api/v1/leaves/certificates`: papers are kept privately and named by id."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, IsEmployee)
    parser_classes = (BoundedMultiPartParser,)
    limits = (V1_LIMIT,)

    @extend_schema(
        request={"multipart/form-data": CertificateBodySerializer},
        responses={201: IdReplySerializer},
    )
    def post(self, request: Request) -> Response:
        """Upload a medical certificate."""
        _user, employee = _user_and_employee(request)
        body = validated_body(CertificateBodySerializer, request)
        paper = store_certificate(
            employee, body["file"].read(), sick_on=body.get("sick_on"), fit_on=body.get("fit_on")
        )
        return Response({"id": paper.pk}, status=status.HTTP_201_CREATED)


class HolidayListView(APIView):
    """`GET /api/v1/holidays?year=`: the list of one's own office."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)
    limits = (V1_LIMIT,)

    @extend_schema(parameters=[YearQuerySerializer], responses=HolidaysReplySerializer)
    def get(self, request: Request) -> Response:
        """The holidays of a year at the caller's office; the common list when it has none of its
        own.
        """
        user = request_user(request)
        asked = YearQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        place = Assignment.current(user.employee) if user.employee else None
        site = place.site if place else None
        year = asked.validated_data.get("year") or (
            local_today(user.employee).year if user.employee else date.today().year  # noqa: DTZ011
        )
        published = (
            HolidayCalendar.objects.of(user.organization_id)
            .published()
            .filter(year=year)
            .order_by("-version")
        )
        calendar = (published.filter(site=site).first() if site else None) or published.filter(
            site__isnull=True
        ).first()
        days = calendar.days.all() if calendar else []
        return Response(
            {
                "year": year,
                "office": site.name if site else None,
                "data": [_holiday_body(day) for day in days],
            }
        )


class AdminHolidayViewSet(GenericViewSet[CalendarDay]):
    """`GET /api/v1/admin/holidays`: every office's list in force, and drafts."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, requires_ability(MANAGE_ATTENDANCE))
    limits = (V1_LIMIT,)
    pagination_class = NewestFirstPagination
    filter_backends = (DjangoFilterBackend,)
    filterset_class = HolidayFilter
    queryset = CalendarDay.objects.none()
    serializer_class = AdminHolidayReplySerializer  # type: ignore[assignment]

    def get_queryset(self) -> QuerySet[CalendarDay]:
        """Of the versions in force and of drafts; versions that were replaced are history."""
        later = HolidayCalendar.objects.published().filter(
            organization=OuterRef("calendar__organization"),
            year=OuterRef("calendar__year"),
            version__gt=OuterRef("calendar__version"),
        )
        of_site, common = (
            later.filter(site=OuterRef("calendar__site")),
            later.filter(site__isnull=True),
        )
        replaced = Exists(of_site) | (Q(calendar__site__isnull=True) & Exists(common))
        rows = CalendarDay.objects.of(request_user(self.request).organization_id).exclude(
            Q(calendar__published_at__isnull=False) & replaced
        )
        return rows.select_related("calendar__site")

    @extend_schema(responses=AdminHolidayReplySerializer(many=True))
    def list(self, request: Request) -> Response:
        """Holidays by year, office, class and whether they are published."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(
            [
                _holiday_body(day)
                | {
                    "id": day.pk,
                    "office": day.calendar.site.name if day.calendar.site else None,
                    "year": day.calendar.year,
                    "version": day.calendar.version,
                    "published": day.calendar.published_at is not None,
                }
                for day in page or []
            ]
        )


# --- Translation ----------------------------------------------------------------------------------
def _user_and_employee(request: Request) -> tuple[User, Employee]:
    return request_user(request), request_employee(request)


def _with_related(rows: QuerySet[LeaveApplication]) -> QuerySet[LeaveApplication]:
    rows = rows.select_related(
        "employee__organization", "decided_by__employee", "recommended_by__employee"
    )
    return rows.annotate(counted=Sum("days__counted"))


def _reloaded(application: LeaveApplication) -> LeaveApplication:
    return _with_related(LeaveApplication.objects.of(application.organization_id)).get(
        pk=application.pk
    )


def _application_data(request: Request, employee: Employee) -> LeaveApplicationData:
    asked = validated_body(LeaveBodySerializer, request)
    half = (asked["half_day_session"] or HalfDayReservation.Half.FN) if asked["is_half_day"] else ""
    return LeaveApplicationData(
        asked["leave_type"],
        asked["start_date"],
        asked["end_date"],
        half,
        asked["is_half_day"],
        asked["reason"],
        asked["for_study"],
        _child(asked["child_id"], employee),
        _certificate(asked["certificate_id"], employee),
    )


def _child(pk: int | None, employee: Employee) -> Child | None:
    """One's own child. Another's id is answered like one that does not exist."""
    if pk is None:
        return None
    found = Child.objects.of(employee.organization_id).filter(employee=employee, pk=pk).first()
    if found is None:
        raise serializers.ValidationError({"child_id": ["There is no such child on record."]})
    return found


def _certificate(pk: int | None, employee: Employee) -> Certificate | None:
    """A paper of that employee. Another's id is answered like one that does not exist."""
    if pk is None:
        return None
    found = (
        Certificate.objects.of(employee.organization_id).filter(employee=employee, pk=pk).first()
    )
    if found is None:
        raise serializers.ValidationError({"certificate_id": ["There is no such certificate."]})
    return found


def _year(request: Request, employee: Employee) -> int:
    asked = YearQuerySerializer(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return int(asked.validated_data.get("year") or local_today(employee).year)


def leave_body(application: LeaveApplication) -> dict[str, Any]:
    """An application as the API tells it."""
    return {
        "id": application.pk,
        "employee": employee_summary(application.employee),
        "leave_type": application.kind,
        "start_date": application.starts_on,
        "end_date": application.ends_on,
        "is_half_day": bool(application.half),
        "half_day_session": application.half or None,
        "reason": application.reason,
        "child_id": application.child_id,
        "certificate_id": application.certificate_id,
        "for_study": application.study,
        "extends_id": application.extends_id,
        "status": application.status,
        "chargeable_days": (getattr(application, "counted", None) or 0) / 2,
        "applied_at": application.applied_at,
        "decided_by": user_display_name(application.decided_by),
        "decided_at": application.decided_at,
        "remarks": application.remarks,
        "withhold_prefix": application.withhold_prefix,
        "withhold_suffix": application.withhold_suffix,
        "recommendation": application.recommendation or None,
        "recommended_by": user_display_name(application.recommended_by),
        "recommended_at": application.recommended_at,
    }


def _sanction_body(eligibility: LeaveEligibility) -> dict[str, Any]:
    one = eligibility.sanction
    return {
        "authority": str(one.authority) if one else None,
        "days_at_a_stretch": eligibility.days_at_a_stretch,
        "recommendation_needed": one is not None and one.recommendation,
    }


def _refusal_body(refusal: LeaveRefusal) -> dict[str, Any]:
    error = to_rule_violation(refusal)
    return {
        "code": refusal.code,
        "rule": refusal.rule,
        "field": refusal.field,
        "message": str(error.text),
        "details": to_json_value(error.details),
    }


def _balance_body(balance: LeaveBalance) -> dict[str, Any]:
    names = ("opening", "credited", "debited", "lapsed", "held", "available")
    return {"leave_type": str(balance.kind), **{name: getattr(balance, name) / 2 for name in names}}


def _holiday_body(day: CalendarDay) -> dict[str, Any]:
    return {"date": day.date, "name": day.name, "class": day.mark}
