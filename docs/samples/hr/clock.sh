#!/bin/sh
# Clock an employee in. FLUIDE_BASE_URL says where; FLUIDE_ACCESS_TOKEN, FLUIDE_API_KEY who speaks; FLUIDE_EMPLOYEE_ID for whom.
curl -sS --fail-with-body -X POST "$FLUIDE_BASE_URL/api/v1/hr/attendance/clock" \
  -H "Authorization: Bearer $FLUIDE_ACCESS_TOKEN" \
  -H "X-Fluide-Api-Key: $FLUIDE_API_KEY" \
  -H "X-Fluide-Client-Id: fluide-developer" \
  -H "Idempotency-Key: clock-$(date +%s)-$$" \
  -H "Content-Type: application/json" \
  -d "{\"hrEmployeeId\":\"$FLUIDE_EMPLOYEE_ID\",\"kind\":\"CLOCK_IN\",\"source\":\"SYSTEM\"}"
