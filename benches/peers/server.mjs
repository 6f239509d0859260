// better-auth's OAuth provider on a SQLite file:
//
//   node server.mjs <SQLite file> <number of connections>
//
// It prints {"address", "token", "machine", "client", "refresh"} as a line of JSON and serves until its standard input ends:
// a client that is a machine, a client with a person behind it, and one refresh token of theirs for each connection. Everything is as
// the documentation has it for Node, in production mode; what would only cost time is off (telemetry, the rate limiter, logs).

import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Database from 'better-sqlite3';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { jwt } from 'better-auth/plugins';
import { oauthProvider } from '@better-auth/oauth-provider';

const [file, connections] = process.argv.slice(2);
const database = new Database(file);
// As the gateway opens its own file.
database.pragma('journal_mode = WAL');
database.pragma('synchronous = NORMAL');

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address();
const origin = `http://127.0.0.1:${port}`;

const options = {
  database,
  baseURL: origin,
  secret: 'a secret of a benchmark, 32 characters or more',
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
  plugins: [
    jwt({ disableSettingJwtHeader: true }),
    oauthProvider({
      loginPage: '/sign-in',
      consentPage: '/consent',
      scopes: ['openid', 'offline_access', 'notes:read'],
      clientPrivileges: () => true,
      rateLimit: { token: false },
      silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
    }),
  ],
};
const { runMigrations } = await getMigrations(options);
await runMigrations();
const auth = betterAuth(options);
server.on('request', toNodeHandler(auth));

const request = async (path, body, cookie, type = 'application/json') => {
  const headers = { origin, ...(cookie && { cookie }), ...(body && { 'content-type': type }) };
  const answer = await fetch(`${origin}/api/auth${path}`, { method: body ? 'POST' : 'GET', headers, body, redirect: 'manual' });
  if (answer.status >= 400) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
};

const person = { email: 'bench@example.com', password: 'a password nobody guesses', name: 'Bench' };
const made = await request('/sign-up/email', JSON.stringify(person));
const cookie = made.headers
  .getSetCookie()
  .map((line) => line.split(';')[0])
  .join('; ');
const headers = new Headers({ cookie, origin });
const create = (body) => auth.api.adminCreateOAuthClient({ headers, body });
const redirect = 'https://app.example.com/callback';
const machine = await create({
  redirect_uris: [redirect],
  grant_types: ['client_credentials'],
  client_credentials_scopes: ['notes:read'],
  scope: 'notes:read',
  token_endpoint_auth_method: 'client_secret_post',
});
const client = await create({
  redirect_uris: [redirect],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid offline_access notes:read',
  token_endpoint_auth_method: 'client_secret_post',
  skip_consent: true,
});
const secrets = ({ client_id, client_secret }) => ({ client_id, client_secret });

const refresh = [];
for (let index = 0; index < Number(connections); index += 1) {
  const verifier = randomBytes(32).toString('base64url');
  const asked = new URLSearchParams({
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: redirect,
    scope: 'offline_access notes:read',
    state: 'x',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const sent = await request(`/oauth2/authorize?${asked}`, undefined, cookie);
  const place = sent.headers.get('location') ?? (await sent.json()).url;
  const code = new URL(place).searchParams.get('code');
  const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier, ...secrets(client) });
  const answer = await request('/oauth2/token', body.toString(), undefined, 'application/x-www-form-urlencoded');
  refresh.push((await answer.json()).refresh_token);
}

const ready = { address: `127.0.0.1:${port}`, token: '/api/auth/oauth2/token', machine: secrets(machine), client: secrets(client), refresh };
process.stdout.write(`${JSON.stringify(ready)}\n`);
process.stdin.resume().once('end', () => process.exit());
