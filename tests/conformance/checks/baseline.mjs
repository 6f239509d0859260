// The baseline of authorization (issue 116 of the suite): what is refused whoever asks, by servers that take signed tokens and by those
// that do not. The suite has no names for these yet; they are ours, in its manner.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mcpRequest } from '../harness.mjs';
import { makeKeys, publicJwk, signer, writeJwt } from '../idp/keys.mjs';

const nothing = () => Buffer.alloc(0);

export async function baseline(report, server, format) {
  const { mcpUrl, baseUrl } = server;
  const person = await server.person('Baseline');
  const good = await server.personalToken(person.email, 'connections:read');
  const { RS256: rsa, ES256: ec } = await makeKeys();
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: baseUrl, aud: mcpUrl, sub: randomUUID(), client_id: 'somebody', scope: 'connections:read', jti: randomUUID(), iat: now, exp: now + 300,
  };
  const published = (await (await fetch(`${baseUrl}/jwks`)).json()).keys ?? [];
  const kids = [undefined, rsa.kid, ...published.map(({ kid }) => kid)];

  /** One request with this header, word for word. */
  const answer = async (authorization) => {
    const authorized = (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization } });
    const response = await mcpRequest(mcpUrl, undefined, 'server/discover', {}, authorized);
    await response.body?.cancel();
    return { status: response.status, challenge: response.headers.get('www-authenticate') ?? '' };
  };
  const refused = async (authorization) => {
    const { status, challenge } = await answer(authorization);
    assert.equal(status, 401, authorization);
    assert.match(challenge, /^Bearer .*resource_metadata="/, authorization);
  };
  const check = (name, values) =>
    report.check(`authorization baseline, ${format}: ${name}`, async () => {
      for (const value of values) await refused(value);
    });

  await report.check(`authorization baseline, ${format}: auth-valid-token-accepted`, async () => {
    assert.equal((await answer(`Bearer ${good}`)).status, 200);
  });
  await check('auth-malformed-authorization-header-rejected', [
    'foo', 'Bearer', 'Bearer ', `Bearer${good}`, good, `Token ${good}`, `Basic ${good}`, `Bearer ${good} ${good}`, `Bearer ${good}, Bearer ${good}`,
    `Bearer "${good}"`, `Bearer token=${good}`,
  ]);
  await check('auth-garbage-token-rejected', ['Bearer foo', 'Bearer null', 'Bearer a.b.c', `Bearer ${good.slice(0, -1)}`, `Bearer ${'A'.repeat(4000)}`]);
  await check(
    'auth-unsigned-token-rejected',
    ['RS256', 'ES256', 'EdDSA'].flatMap((alg) => {
      const jwt = writeJwt({ alg, typ: 'at+jwt', kid: rsa.kid }, claims, nothing);
      return [`Bearer ${jwt}`, `Bearer ${jwt.slice(0, -1)}`];
    }),
  );
  await check(
    'auth-alg-none-token-rejected',
    ['none', 'None', 'NONE', 'nOnE', ''].flatMap((alg) => {
      const jwt = writeJwt({ alg, typ: 'at+jwt' }, claims, nothing);
      return [`Bearer ${jwt}`, `Bearer ${jwt}AAAA`];
    }),
  );
  await check(
    'auth-self-signed-token-rejected',
    kids.flatMap((kid) =>
      [rsa, ec].flatMap((key) => [
        `Bearer ${writeJwt({ alg: key.alg, typ: 'at+jwt', kid }, claims, signer(key))}`,
        // The key is in the header, or said to be elsewhere.
        `Bearer ${writeJwt({ alg: key.alg, typ: 'at+jwt', kid, jwk: publicJwk(key) }, claims, signer(key))}`,
        `Bearer ${writeJwt({ alg: key.alg, typ: 'at+jwt', kid, jku: 'http://127.0.0.1:9/jwks' }, claims, signer(key))}`,
      ]),
    ),
  );
}
