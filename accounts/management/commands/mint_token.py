"""`manage.py mint_token`: a personal access token from the shell, for development and for the first
integration.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.services import get_organization, issue_personal_token


class Command(BaseCommand):
    """Prints the token, which is shown this once."""

    help = "Issue a personal access token of a user and print it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--organization", help="short name; may be left out where there is one organization"
        )
        parser.add_argument("--name", default="from the command line", help="what the token is for")
        parser.add_argument(
            "--days", type=int, help="how long it works; without this, until it is revoked"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organization = get_organization(options["organization"])
            user = User.objects.filter(
                organization=organization, username=options["username"], is_active=True
            ).first()
            if user is None:
                raise CommandError(f"{organization.slug} has no active user {options['username']}.")
            lasts = timedelta(days=options["days"]) if options["days"] else None
            row, text = issue_personal_token(user, options["name"], lifetime=lasts)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        facts = {
            "token": text,
            "name": row.name,
            "organization": organization.slug,
            "user": user.username,
        }
        self.stdout.write(json.dumps(facts) if options["json"] else text)
