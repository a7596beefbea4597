// A certified OpenID Connect provider (npm oidc-provider) with a few people in it: for the tests, and for the demo.
// Reads {"port", "clients", "people"} as JSON from its standard input; says {"issuer"} when it listens; ends with its input.
//
// Clients in LIES get ID tokens with one thing changed, signed with the provider's own key.
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';
import { Provider } from 'oidc-provider';

const input = await new Promise((resolve) => {
  let text = '';
  process.stdin.on('data', (piece) => {
    text += piece;
    if (text.includes('\n')) resolve(JSON.parse(text));
  });
  process.stdin.on('end', () => process.exit(0));
});

const pair = await generateKeyPair('RS256', { extractable: true });
const key = { ...(await exportJWK(pair.privateKey)), kid: 'first', alg: 'RS256', use: 'sig' };
const stranger = await generateKeyPair('RS256', { extractable: true });

const LIES = {
  'lies-expired': (claims) => ({ ...claims, iat: claims.iat - 7200, exp: claims.exp - 7200 }),
  'lies-issuer': (claims) => ({ ...claims, iss: 'https://somebody.else.example' }),
  'lies-audience': (claims) => ({ ...claims, aud: 'another-client' }),
  'lies-nonce': (claims) => ({ ...claims, nonce: 'of another sign-on' }),
  'lies-signature': (claims) => claims,
  'lies-none': (claims) => claims,
  // No lie, but what some providers do: the address is in the ID token.
  'tells-email': (claims) => ({ ...claims, email: 'Asha@Acme.example', email_verified: true }),
  'tells-half': (claims) => ({ ...claims, email: 'somebody@else.example' }),
};

async function lie(id, token) {
  if (!(id in LIES)) return token;
  const claims = LIES[id](JSON.parse(Buffer.from(token.split('.')[1], 'base64url')));
  if (id === 'lies-none') {
    const plain = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${plain({ alg: 'none', kid: 'first' })}.${plain(claims)}.`;
  }
  const signer = id === 'lies-signature' ? stranger.privateKey : await importJWK(key, 'RS256');
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'first', typ: 'JWT' }).sign(signer);
}

const server = createServer();
await new Promise((resolve, reject) => {
  server.on('error', reject);
  server.listen(input.port ?? 0, '127.0.0.1', resolve);
});
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: input.clients,
  jwks: { keys: [key] },
  pkce: { required: () => true },
  claims: { email: ['email', 'email_verified'], profile: ['name'] },
  cookies: { keys: [key.n] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => id in input.people && { accountId: id, claims: () => ({ sub: id, ...input.people[id] }) },
  renderError: (ctx, out) => {
    ctx.type = 'json';
    ctx.body = out;
  },
  ttl: { Session: 3600, Interaction: 600, Grant: 3600, AccessToken: 600, IdToken: 600, AuthorizationCode: 60 },
});
provider.use(async (ctx, next) => {
  await next();
  if (ctx.path === '/token' && ctx.body?.id_token) {
    ctx.body.id_token = await lie(ctx.oidc.client.clientId, ctx.body.id_token);
  }
});

// Whoever is named in `login_hint` is signed in at once; else a page asks who it is. There are no passwords.
async function interact(req, res) {
  const details = await provider.interactionDetails(req, res);
  const asked = new URL(req.url, issuer).searchParams.get('as') ?? details.params.login_hint;
  if (asked === 'nobody') {
    return provider.interactionFinished(req, res, { error: 'access_denied', error_description: 'They said <b>no</b>.' });
  }
  if (!(asked in input.people)) {
    const people = Object.keys(input.people).map((id) => `<p><a href="?as=${encodeURIComponent(id)}">${id}</a></p>`);
    res.setHeader('Content-Type', 'text/html; charset=utf-8');
    return res.end(`<!doctype html><title>Demo sign-on</title><h1>Who are you?</h1>${people.join('')}<p><a href="?as=nobody">Nobody</a></p>`);
  }
  const grant = new provider.Grant({ accountId: asked, clientId: details.params.client_id });
  grant.addOIDCScope('openid email profile');
  const result = { login: { accountId: asked }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(req, res, result);
}

const callback = provider.callback();
server.on('request', (req, res) => {
  if (!req.url.startsWith('/interaction/')) return callback(req, res);
  interact(req, res).catch((error) => {
    res.statusCode = 400;
    res.end(String(error.message));
  });
});
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
