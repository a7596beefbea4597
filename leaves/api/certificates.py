"""`POST /api/v1/leaves/certificates`: the upload of a medical certificate."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.approvals.views import request_employee
from accounts.authentication import BearerAuthentication
from accounts.permissions import IsEmployee
from accounts.throttling import V1_LIMIT
from core.attachments import BoundedMultiPartParser
from core.serializers import validated_body
from leaves.api.bodies import CertificateBodySerializer
from leaves.serializers import IdReplySerializer
from leaves.services.certificates import store_certificate


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
        employee = request_employee(request)
        body = validated_body(CertificateBodySerializer, request)
        paper = store_certificate(
            employee, body["file"].read(), sick_on=body.get("sick_on"), fit_on=body.get("fit_on")
        )
        return Response({"id": paper.pk}, status=status.HTTP_201_CREATED)
