// Get a machine token and clock an employee in, with Node 18 or later. FLUIDE_BASE_URL is the server; FLUIDE_CLIENT_ID,
// FLUIDE_CLIENT_SECRET and FLUIDE_API_KEY are the credentials; FLUIDE_EMPLOYEE_ID is the employee.
// Keep the Idempotency-Key until there is an answer, and send the same request again: it is one clock event, however often it is sent.
const env = process.env;
const granted = await fetch(`${env.FLUIDE_BASE_URL}/api/v1/oauth/token`, {
  method: 'POST',
  body: new URLSearchParams({
    grant_type: 'client_credentials', client_id: env.FLUIDE_CLIENT_ID, client_secret: env.FLUIDE_CLIENT_SECRET,
  }),
});
const { access_token: token } = await granted.json();
const reply = await fetch(`${env.FLUIDE_BASE_URL}/api/v1/hr/attendance/clock`, {
  method: 'POST',
  headers: {
    'Authorization': `Bearer ${token}`,
    'X-Fluide-Api-Key': env.FLUIDE_API_KEY,
    'X-Fluide-Client-Id': 'fluide-developer',
    'Idempotency-Key': crypto.randomUUID(),
    'Content-Type': 'application/json',
  },
  body: JSON.stringify({ hrEmployeeId: env.FLUIDE_EMPLOYEE_ID, kind: 'CLOCK_IN', source: 'SYSTEM', note: 'From the sample' }),
});
console.log(reply.status, await reply.json());
process.exitCode = reply.status === 201 ? 0 : 1;
