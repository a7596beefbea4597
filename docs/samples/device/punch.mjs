// One punch of a terminal, with Node 18 or later. MUSTER_URL is the server, MUSTER_SN the terminal's serial number, MUSTER_TOKEN its token.
// Send a punch again, unchanged, until the answer is 200: it is one punch, however often it is sent.
const reply = await fetch(`${process.env.MUSTER_URL}/api/attendance/v1/punch`, {
  method: 'POST',
  headers: {
    'sn': process.env.MUSTER_SN,
    'auth-token': process.env.MUSTER_TOKEN,
    'Content-Type': 'application/json',
  },
  body: JSON.stringify({ user_id: '1001', att_time: new Date().toISOString(), att_state: 1, input_type: 50 }),
});
console.log(reply.status, await reply.text());
process.exitCode = reply.ok ? 0 : 1;
