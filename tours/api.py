"""Tours over REST: `/api/v1/tours…` for people and their approvers. Translation only; `services`
decides.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http.response import HttpResponseBase
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.abilities import APPROVE_LEAVE, IsEmployee, decides_for, has, requires, today
from accounts.api import Fields
from accounts.audit import paper_read
from accounts.authentication import BearerAuthentication
from accounts.limits import V1
from accounts.models import User
from employees.models import Employee
from employees.pages import NewestFirst
from employees.papers import GONE, TYPES, BoundedMultiPartParser, Gone, handed_out
from tours import drafts, papers, services
from tours.filters import TourFilter
from tours.models import Tour, TourPaper

FIRST_YEAR, LAST_YEAR = 1950, 2200
MOST_PLACES: Final = 20


def in_range(value: datetime) -> None:
    """Refuse instants no calendar is kept for."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise serializers.ValidationError(f"The year must be from {FIRST_YEAR} to {LAST_YEAR}.")


class Instant(serializers.DateTimeField):
    """An instant with its offset: a time without one would be somebody's guess."""

    default_error_messages = {"naive": "Give the offset, as in 2026-07-06T09:00:00+05:30."}

    def to_internal_value(self, value: Any) -> datetime:
        """The instant. Raises ValidationError."""
        if (
            isinstance(value, str)
            and not value.endswith(("Z", "z"))
            and "+" not in value[10:]
            and "-" not in value[10:]
        ):
            self.fail("naive")
        try:
            return super().to_internal_value(value)
        except OverflowError:
            self.fail("invalid", format="ISO 8601")


def _papers() -> serializers.ListField:
    one = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    return serializers.ListField(
        child=one,
        max_length=papers.MOST,
        required=False,
        help_text="Papers of `POST /api/v1/tours/papers`, one's own and of no other tour.",
    )


class TourBody(Fields):
    """An application for a tour; with `draft` it is kept, and not asked for yet."""

    tour_type = serializers.ChoiceField(
        choices=Tour.Type.choices, required=False, default=Tour.Type.TOUR
    )
    purpose = serializers.CharField(max_length=500)
    places = serializers.ListField(
        child=serializers.CharField(max_length=200),
        max_length=MOST_PLACES,
        required=False,
        default=list,
    )
    start_at = Instant(validators=[in_range])
    end_at = Instant(validators=[in_range])
    order_no = serializers.CharField(
        max_length=120, required=False, allow_blank=True, allow_null=True, default=""
    )
    paper_ids = _papers()
    draft = serializers.BooleanField(required=False, default=False)


class DraftBody(Fields):
    """Other facts of a draft; what is left out stays. `paper_ids` are all its papers from
    now on.
    """

    tour_type = serializers.ChoiceField(choices=Tour.Type.choices, required=False)
    purpose = serializers.CharField(max_length=500, required=False)
    places = serializers.ListField(
        child=serializers.CharField(max_length=200), max_length=MOST_PLACES, required=False
    )
    start_at = Instant(validators=[in_range], required=False)
    end_at = Instant(validators=[in_range], required=False)
    order_no = serializers.CharField(max_length=120, required=False, allow_blank=True)
    paper_ids = _papers()


class PaperBody(Fields):
    """A paper about a tour: PDF, JPEG or PNG, at most 1 MiB with everything around it."""

    file = serializers.FileField(max_length=255)
    kind = serializers.ChoiceField(
        choices=TourPaper.Kind.choices, required=False, default=TourPaper.Kind.OTHER
    )


class TourDecisionBody(Fields):
    """A decision on a tour."""

    decision = serializers.ChoiceField(choices=["approve", "reject"])
    remarks = serializers.CharField(
        max_length=500, required=False, allow_blank=True, allow_null=True, default=""
    )


class TourRemarksBody(Fields):
    """Why."""

    remarks = serializers.CharField(
        max_length=500, required=False, allow_blank=True, allow_null=True, default=""
    )


class NewEndBody(TourRemarksBody):
    """The new time of return."""

    end_at = Instant(validators=[in_range])


class ReportBody(Fields):
    """What came of it."""

    report = serializers.CharField(max_length=2000)


class TravellerReply(serializers.Serializer[dict[str, Any]]):
    """Who travels."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()


class PaperReply(serializers.Serializer[dict[str, Any]]):
    """A paper of a tour; `GET /api/v1/tours/papers/{id}` gives it out."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=TourPaper.Kind.values)
    content_type = serializers.CharField()
    size = serializers.IntegerField()
    uploaded_at = serializers.DateTimeField()


class PaperIdReply(serializers.Serializer[dict[str, Any]]):
    """What to name it by."""

    id = serializers.IntegerField()


class TourReply(serializers.Serializer[dict[str, Any]]):
    """A tour, and what became of it."""

    id = serializers.IntegerField()
    employee = TravellerReply()
    tour_type = serializers.ChoiceField(choices=Tour.Type.values)
    purpose = serializers.CharField()
    places = serializers.ListField(child=serializers.CharField())
    start_at = serializers.DateTimeField()
    end_at = serializers.DateTimeField()
    order_no = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=Tour.Status.values)
    applied_at = serializers.DateTimeField(allow_null=True, help_text="null: a draft.")
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    remarks = serializers.CharField(allow_blank=True)
    report = serializers.CharField(allow_blank=True)
    papers = PaperReply(many=True)


class ToursViewSet(GenericViewSet[Tour]):
    """`/api/v1/tours`: one's own tours, and for approvers those of the people they decide for."""

    authentication_classes = (BearerAuthentication,)
    limits = (V1,)
    pagination_class = NewestFirst
    filter_backends = (DjangoFilterBackend,)
    filterset_class = TourFilter
    queryset = Tour.objects.none()
    serializer_class = TourReply  # type: ignore[assignment]
    for_approvers = ("to_decide", "decide", "curtail", "extend")

    def get_permissions(self) -> Any:
        """Deciding is for approvers; the rest for employees, and for approvers who are none."""
        if self.action in self.for_approvers:
            return [IsAuthenticated(), requires(APPROVE_LEAVE)()]
        return (
            [IsAuthenticated()]
            if self.action in ("cancel", "complete")
            else [IsAuthenticated(), IsEmployee()]
        )

    def get_queryset(self) -> QuerySet[Tour]:
        """What the caller may know of: their own; what they may decide; nothing else of their
        organization.
        """
        user = _user(self.request)
        rows = Tour.objects.of(user.organization_id).select_related(
            "employee__organization", "decided_by__employee"
        )
        rows = rows.prefetch_related("papers")
        mine = Q(employee=user.employee_id) if user.employee_id else Q(pk__in=[])
        if self.action == "to_decide":
            return rows.filter(status=Tour.Status.PENDING, employee__in=_people(user))
        if self.action in (*self.for_approvers, "cancel", "complete") and has(user, APPROVE_LEAVE):
            # Whose it is not to decide is told so: 403, by the verb. Of a draft nobody else is
            # told.
            return rows.filter(mine | ~Q(status=Tour.Status.DRAFT))
        return rows.filter(mine)

    def _one(self, pk: int) -> Tour:
        found = self.get_queryset().filter(pk=pk).first() if pk < 2**63 else None
        if found is None:
            raise NotFound
        return found

    def _page(self) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([row(one) for one in page or []])

    @extend_schema(responses=TourReply(many=True))
    def list(self, request: Request) -> Response:
        """My tours, newest first."""
        return self._page()

    @extend_schema(responses=TourReply(many=True))
    def to_decide(self, request: Request) -> Response:
        """Pending tours that the caller may decide."""
        return self._page()

    @extend_schema(request=TourBody, responses={201: TourReply})
    def create(self, request: Request) -> Response:
        """Apply for a tour, or for other duty away from the office; with `draft` it is only
        kept.
        """
        user, asked = _user(request), checked(TourBody, request)
        employee, paper_ids = _employee(user), asked.get("paper_ids", [])
        tour = Tour(
            organization_id=employee.organization_id,
            employee=employee,
            tour_type=asked["tour_type"],
            purpose=asked["purpose"],
            places=asked["places"],
            start_at=asked["start_at"],
            end_at=asked["end_at"],
            order_no=asked["order_no"] or "",
        )
        if asked["draft"]:
            drafts.keep(tour, paper_ids)
        else:
            services.apply(tour, actor=user, paper_ids=paper_ids)
        return Response(row(tour), status=status.HTTP_201_CREATED)

    @extend_schema(request=DraftBody, responses={200: TourReply, 409: None})
    def change(self, request: Request, pk: int) -> Response:
        """Change a draft. What was sent in is not changed any more."""
        one, facts = self._one(pk), checked(DraftBody, request)
        paper_ids = facts.pop("paper_ids", None)
        return Response(row(drafts.change(one, facts, paper_ids)))

    @extend_schema(request=None, responses={200: TourReply, 409: None, 422: None})
    def submit(self, request: Request, pk: int) -> Response:
        """Send a draft in. It is judged as an application made now, and waits for a decision."""
        return Response(row(drafts.submit(self._one(pk), actor=_user(request))))

    @extend_schema(responses={204: None, 409: None})
    def discard(self, request: Request, pk: int) -> Response:
        """Take a draft away, with its papers."""
        drafts.discard(self._one(pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=TourDecisionBody, responses={200: TourReply, 403: None, 409: None})
    def decide(self, request: Request, pk: int) -> Response:
        """Decide a pending tour, once."""
        body = checked(TourDecisionBody, request)
        approve = body["decision"] == "approve"
        return Response(
            row(
                services.decide(
                    self._one(pk),
                    actor=_user(request),
                    approve=approve,
                    remarks=body["remarks"] or "",
                )
            )
        )

    @extend_schema(request=TourRemarksBody, responses={200: TourReply, 403: None, 409: None})
    def cancel(self, request: Request, pk: int) -> Response:
        """Take a tour back: one's own before it begins, or as its authority."""
        body = checked(TourRemarksBody, request)
        return Response(
            row(services.cancel(self._one(pk), actor=_user(request), remarks=body["remarks"] or ""))
        )

    @extend_schema(request=NewEndBody, responses={200: TourReply, 409: None})
    def curtail(self, request: Request, pk: int) -> Response:
        """End a tour earlier."""
        body = checked(NewEndBody, request)
        one = services.curtail(
            self._one(pk),
            end_at=body["end_at"],
            actor=_user(request),
            remarks=body["remarks"] or "",
        )
        return Response(row(one))

    @extend_schema(request=NewEndBody, responses={200: TourReply, 409: None})
    def extend(self, request: Request, pk: int) -> Response:
        """End a tour later."""
        body = checked(NewEndBody, request)
        one = services.extend(
            self._one(pk),
            end_at=body["end_at"],
            actor=_user(request),
            remarks=body["remarks"] or "",
        )
        return Response(row(one))

    @extend_schema(request=ReportBody, responses={200: TourReply, 403: None, 409: None})
    def complete(self, request: Request, pk: int) -> Response:
        """Hand in the return report."""
        body = checked(ReportBody, request)
        return Response(
            row(services.complete(self._one(pk), actor=_user(request), report=body["report"]))
        )


class PaperGone(APIException):
    """The row is there, its file is not."""

    status_code = status.HTTP_410_GONE
    default_detail = GONE
    default_code = "gone"


class TourPapersView(APIView):
    """`POST /api/v1/tours/papers`: papers are kept privately and named by id."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, IsEmployee)
    parser_classes = (BoundedMultiPartParser,)
    limits = (V1,)

    @extend_schema(request={"multipart/form-data": PaperBody}, responses={201: PaperIdReply})
    def post(self, request: Request) -> Response:
        """Hand in a paper about a tour: an order, an invitation."""
        body = checked(PaperBody, request)
        paper = papers.keep(_employee(_user(request)), body["file"].read(), body["kind"])
        return Response({"id": paper.pk}, status=status.HTTP_201_CREATED)


class TourPaperView(APIView):
    """`GET /api/v1/tours/papers/{id}`: for its owner, and for whoever decides on their tours once
    it was sent in.
    """

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)
    limits = (V1,)

    @extend_schema(responses={(200, kind): OpenApiTypes.BINARY for kind in TYPES} | {410: None})
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        """The paper itself, as an attachment. Who was given it is written down."""
        user = _user(request)
        one = papers.readable(user).filter(pk=pk).first() if pk < 2**63 else None
        if one is None:
            raise NotFound
        try:
            reply = handed_out(one.file, f"tour-paper-{one.pk}", one.content_type)
        except Gone as error:
            raise PaperGone from error
        paper_read(one, actor=user, request=request)
        return reply


def checked(kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The fields of a body. Raises ValidationError."""
    body = kind(data=request.data)
    body.is_valid(raise_exception=True)
    found: dict[str, Any] = body.validated_data
    return found


def _user(request: Request) -> User:
    user: User = request.user  # type: ignore[assignment]
    return user


def _employee(user: User) -> Employee:
    if user.employee is None:
        raise NotFound
    return user.employee


def _people(user: User) -> QuerySet[Employee]:
    day = today(user.employee) if user.employee else date.today()  # noqa: DTZ011
    return Employee.objects.of(user.organization_id).filter(decides_for(user, day))


def _name(user: User | None) -> str | None:
    if user is None:
        return None
    return user.get_full_name() or (user.employee.name if user.employee else user.get_username())


def row(one: Tour) -> dict[str, Any]:
    """A tour as the API tells it."""
    traveller = one.employee
    return {
        "id": one.pk,
        "employee": {"id": str(traveller.pk), "code": traveller.code, "name": traveller.name},
        "tour_type": one.tour_type,
        "purpose": one.purpose,
        "places": one.places,
        "start_at": one.start_at,
        "end_at": one.end_at,
        "order_no": one.order_no,
        "status": one.status,
        "applied_at": None if one.status == Tour.Status.DRAFT else one.applied_at,
        "decided_by": _name(one.decided_by),
        "decided_at": one.decided_at,
        "remarks": one.remarks,
        "report": one.report,
        "papers": [_paper(paper) for paper in one.papers.all()],
    }


def _paper(one: TourPaper) -> dict[str, Any]:
    return {
        "id": one.pk,
        "kind": one.kind,
        "content_type": one.content_type,
        "size": one.size,
        "uploaded_at": one.uploaded_at,
    }
