"""Sessions in the database under a hash of their key: whoever reads a dump of it can take over
none.

Named by SESSION_ENGINE. Only what touches the key differs from Django's own store.
"""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.credentials import hash_token

# The width of Django's column: 160 bits are left of the hash.
_KEY_COLUMN_LENGTH = 40


def session_key_hash(key: str) -> str:
    """What the database knows of a session key."""
    return hash_token(f"session {key}")[:_KEY_COLUMN_LENGTH]


class SessionStore(DatabaseStore):
    """Django's database sessions, with the key hashed on its way in. The `a…` twins have no caller
    here and refuse.
    """

    def _get_session_from_db(self) -> Session | None:
        rows = Session.objects.filter(
            session_key=session_key_hash(self.session_key or ""), expire_date__gt=timezone.now()
        )
        found = rows.first() if self.session_key else None
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        """Whether there is a session of this key."""
        return Session.objects.filter(session_key=session_key_hash(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """The row of this session."""
        row: Any = super().create_model_instance(data)
        row.session_key = session_key_hash(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """End a session: this one, or the one of a key."""
        key = session_key or self.session_key
        if key:
            Session.objects.filter(session_key=session_key_hash(key)).delete()

    async def _aget_session_from_db(self) -> Any:
        raise NotImplementedError

    async def aexists(self, session_key: str) -> bool:
        """Refuses."""
        raise NotImplementedError

    async def acreate_model_instance(self, data: Any) -> Any:
        """Refuses."""
        raise NotImplementedError

    async def adelete(self, session_key: str | None = None) -> None:
        """Refuses."""
        raise NotImplementedError
