// njs for the example in nginx.conf. A login ends here: the session is stored, and the client gets its cookie when all
// instances have the session, because its next request may reach any of them.

const COOKIE = 'auth_token';

/** Answers what Syncer asks; auth_jwt has refused a request without a session before. */
function authorized(r) {
  r.return(200);
}

async function finishLogin(r) {
  const jwt = await exchangeCode(r);
  if (!jwt) {
    r.return(401);
    return;
  }
  // Into the zone of this instance; zone_sync sends it to the others.
  r.variables.new_jwt = jwt;
  const status = await tokenStatus(r);
  r.headersOut['Set-Cookie'] = `${COOKIE}=${r.variables.request_id}; Path=/; Secure; HttpOnly; SameSite=Lax`;
  if (status === 'Synced') {
    r.return(302, '/');
    return;
  }
  // The session arrives a little later: one second is longer than an interval of zone_sync.
  r.warn(`login: the token is not on every instance (${status})`);
  r.headersOut['Content-Type'] = 'text/plain';
  r.headersOut['Refresh'] = '1; url=/';
  r.return(200, 'One moment, please.\n');
}

/** Synced, Partialy, NotSynced or Timeout; "unknown" if Syncer has no verdict: its outage must not stop logins. */
async function tokenStatus(r) {
  const reply = await r.subrequest('/_synced');
  if (reply.status !== 200) return 'unknown';
  return reply.headersOut['X-Token-Status'] || 'unknown';
}

/** Replace it: asks your identity provider for the JWT that belongs to the code. */
async function exchangeCode(r) {
  const reply = await r.subrequest('/_exchange', { args: `code=${r.args.code}` });
  return reply.status === 200 ? JSON.parse(reply.responseText).id_token : undefined;
}

export default { authorized, finishLogin };
