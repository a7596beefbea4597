// A batch of a scanner, with Node 18 or later. MUSTER_URL is the server, MUSTER_API_KEY the key.
// Check each result: an invalid event fails alone. A batch may be sent again unchanged: its scanIds identify repeats.
const scan = `SCAN_${crypto.randomUUID()}`;
const reply = await fetch(`${process.env.MUSTER_URL}/api/biometric/attendance`, {
  method: 'POST',
  headers: { 'X-API-Key': process.env.MUSTER_API_KEY, 'Content-Type': 'application/json' },
  body: JSON.stringify({
    device_info: { device_id: 'DEV001', device_name: 'Main Gate Scanner', location: 'Main Entrance', temperature: 36.5 },
    events: [
      { scanId: `${scan}_1`, employeeId: 'EMP001', eventType: 'check_in', timestamp: new Date().toISOString() },
      { scanId: `${scan}_2`, employeeId: '1001', eventType: 'check_in', timestamp: new Date().toISOString(), maskDetected: true },
    ],
  }),
});
const answer = await reply.json();
console.log(reply.status, answer);
process.exitCode = answer.success && answer.failed === 0 ? 0 : 1;
