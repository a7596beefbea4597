"""Documents of tours over REST: `/api/v1/tours/papers…`, uploaded by travellers and read by them
and their approvers.
"""

from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.approvals.views import request_employee, request_user
from accounts.audit import record_attachment_download
from accounts.authentication import BearerAuthentication
from accounts.permissions import IsEmployee
from accounts.throttling import V1_LIMIT
from core.attachments import (
    ALLOWED_CONTENT_TYPES,
    FILE_MISSING_TEXT,
    BoundedMultiPartParser,
    FileMissing,
    attachment_response,
)
from core.serializers import validated_body
from tours import attachments as tour_attachments
from tours.serializers import PaperBodySerializer, PaperIdReplySerializer


class TourDocumentGone(APIException):
    """The row is there, its file is not."""

    status_code = status.HTTP_410_GONE
    default_detail = FILE_MISSING_TEXT
    default_code = "gone"


class TourDocumentsView(APIView):
    """`POST /api/v1/tours/papers`: papers are kept privately and named by id."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated, IsEmployee)
    parser_classes = (BoundedMultiPartParser,)
    limits = (V1_LIMIT,)

    @extend_schema(
        request={"multipart/form-data": PaperBodySerializer},
        responses={201: PaperIdReplySerializer},
    )
    def post(self, request: Request) -> Response:
        """Hand in a paper about a tour: an order, an invitation."""
        body = validated_body(PaperBodySerializer, request)
        paper = tour_attachments.store_tour_document(
            request_employee(request), body["file"].read(), body["kind"]
        )
        return Response({"id": paper.pk}, status=status.HTTP_201_CREATED)


class TourDocumentView(APIView):
    """`GET /api/v1/tours/papers/{id}`: for its owner, and for whoever decides on their tours once
    it was sent in.
    """

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)
    limits = (V1_LIMIT,)

    @extend_schema(
        responses={(200, kind): OpenApiTypes.BINARY for kind in ALLOWED_CONTENT_TYPES} | {410: None}
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        """The paper itself, as an attachment. Who was given it is written down."""
        user = request_user(request)
        one = (
            tour_attachments.readable_tour_documents(user).filter(pk=pk).first()
            if pk < 2**63
            else None
        )
        if one is None:
            raise NotFound
        try:
            reply = attachment_response(one.file, f"tour-paper-{one.pk}", one.content_type)
        except FileMissing as error:
            raise TourDocumentGone from error
        record_attachment_download(one, actor=user, request=request)
        return reply
