"""The console's pages on punches, their matches and the ingestion log; `attendance.admin` registers
them.
"""

from attendance.punches.admin.ingestion_log import IngestionLogEntryAdmin
from attendance.punches.admin.matches import PunchMatchAdmin
from attendance.punches.admin.punches import PunchAdmin

__all__ = ["IngestionLogEntryAdmin", "PunchAdmin", "PunchMatchAdmin"]
