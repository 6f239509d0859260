// `auth-token-audience-validation`: a resource server takes the tokens of an authorization server it trusts that are for itself, and no
// others. The authorization server is played here, at $MCP_CONFORMANCE_AUTH_SERVER_PORT, by metadata, keys and a signature; the
// resource server is the crate `resource-server` in front of the fixture ($BELGIE_CONFORMANCE_RESOURCE).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { cleanEnvironment, firstLine, freePort, mcpRequest } from '../harness.mjs';
import { makeKeys, publicJwk, signer, writeJwt } from '../idp/keys.mjs';

const PORT = 'MCP_CONFORMANCE_AUTH_SERVER_PORT';

/** An authorization server that publishes its key and signs what it is told to. */
async function startAuthority(port) {
  const [{ RS256: own }, { RS256: foreign }] = await Promise.all([makeKeys(), makeKeys()]);
  const issuer = `http://127.0.0.1:${port}`;
  const documents = {
    '/.well-known/oauth-authorization-server': {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
    },
    '/.well-known/jwks.json': { keys: [publicJwk(own)] },
  };
  const server = createServer((request, response) => {
    const document = documents[request.url];
    response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? { error: 'not_found' }));
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  /** A token with these claims besides; `undefined` leaves one out. A foreign key goes by the name of the own one. */
  const token = (claims, key = own) => {
    const now = Math.floor(Date.now() / 1000);
    const usual = { iss: issuer, sub: 'somebody', client_id: 'some-client', jti: randomUUID(), iat: now, exp: now + 300 };
    return writeJwt({ alg: 'RS256', typ: 'at+jwt', kid: own.kid }, { ...usual, ...claims }, signer(key));
  };
  return { token, foreign, close: () => server.close() };
}

export async function audience(report) {
  const port = Number(process.env[PORT] ?? (await freePort()));
  const program = process.env.BELGIE_CONFORMANCE_RESOURCE;
  if (!program) throw new Error('BELGIE_CONFORMANCE_RESOURCE must name the belgie-conformance-resource binary');
  const child = spawn(program, [], { env: { ...cleanEnvironment(), [PORT]: String(port) }, stdio: ['ignore', 'pipe', 'inherit'] });
  const { mcp_url: url } = await firstLine(child);
  const authority = await startAuthority(port);
  const answer = async (token) => {
    const response = await mcpRequest(url, token, 'server/discover');
    await response.body?.cancel();
    return { status: response.status, challenge: response.headers.get('www-authenticate') ?? '' };
  };
  const refused = async (token) => {
    const { status, challenge } = await answer(token);
    assert.equal(status, 401);
    assert.match(challenge, /^Bearer error="invalid_token"/);
  };
  const scenario = 'auth-token-audience-validation';
  try {
    await report.check(`${scenario}: auth-unauthenticated-request-rejected`, async () => {
      const { status, challenge } = await answer();
      assert.equal(status, 401);
      assert.match(challenge, /^Bearer .*resource_metadata="http/);
      assert.doesNotMatch(challenge, /error=/);
    });
    await report.check(`${scenario}: auth-valid-audience-token-accepted`, async () => {
      for (const aud of [url, [url]]) assert.equal((await answer(authority.token({ aud }))).status, 200);
    });
    await report.check(`${scenario}: auth-wrong-audience-token-rejected`, async () => {
      for (const aud of ['https://elsewhere.example/mcp', `${url}/`, new URL(url).origin, ['https://elsewhere.example/mcp'], '', []]) {
        await refused(authority.token({ aud }));
      }
    });
    await report.check(`${scenario}: auth-missing-audience-token-rejected`, () => refused(authority.token({})));
    await report.check(`${scenario}: auth-expired-token-rejected`, async () => {
      const now = Math.floor(Date.now() / 1000);
      await refused(authority.token({ aud: url, iat: now - 3660, exp: now - 60 }));
    });
    await report.check(`${scenario}: auth-untrusted-token-rejected`, () =>
      refused(authority.token({ aud: url }, authority.foreign)),
    );
  } finally {
    child.kill('SIGTERM');
    authority.close();
  }
}
