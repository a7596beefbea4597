"""One punch of a terminal. MUSTER_URL, MUSTER_SN and MUSTER_TOKEN say where, which terminal, and
its token.

Send a punch again, as it is, until the answer is 200: it is one punch however often it comes.
"""

import os
import sys
from datetime import UTC, datetime

import requests

reply = requests.post(
    f"{os.environ['MUSTER_URL']}/api/attendance/v1/punch",
    headers={"sn": os.environ["MUSTER_SN"], "auth-token": os.environ["MUSTER_TOKEN"]},
    json={
        "user_id": "1001",
        "att_time": datetime.now(UTC).isoformat(),
        "att_state": 1,
        "input_type": 50,
    },
    timeout=15,
)
print(reply.status_code, reply.text)
sys.exit(0 if reply.ok else 1)
