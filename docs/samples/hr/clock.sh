#!/bin/sh
# Clock an employee in. FLUIDE_BASE_URL is the server; FLUIDE_ACCESS_TOKEN and FLUIDE_API_KEY are the credentials;
# FLUIDE_EMPLOYEE_ID is the employee.
curl -sS --fail-with-body -X POST "$FLUIDE_BASE_URL/api/v1/hr/attendance/clock" \
  -H "Authorization: Bearer $FLUIDE_ACCESS_TOKEN" \
  -H "X-Fluide-Api-Key: $FLUIDE_API_KEY" \
  -H "X-Fluide-Client-Id: fluide-developer" \
  -H "Idempotency-Key: clock-$(date +%s)-$$" \
  -H "Content-Type: application/json" \
  -d "{\"hrEmployeeId\":\"$FLUIDE_EMPLOYEE_ID\",\"kind\":\"CLOCK_IN\",\"source\":\"SYSTEM\"}"
