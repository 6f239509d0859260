// DPoP (SEP-1932): `auth/dpop-server-validation`, what the endpoint takes for a proof, and `dpop`, what the authorization server does with
// one. Proofs are written by hand, so that they can be wrong.

import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { mcpRequest } from '../harness.mjs';
import { decode, makeKeys, publicJwk, signer, writeJwt } from '../idp/keys.mjs';

const now = () => Math.floor(Date.now() / 1000);
const digest = (text) => createHash('sha256').update(text).digest('base64url');
const nothing = () => Buffer.from('AA');

/** A client that holds a key. */
class Holder {
  static async fresh() {
    const { ES256: key } = await makeKeys();
    const { kty, crv, x, y } = publicJwk(key);
    return Object.assign(new Holder(), { key, jwk: { crv, kty, x, y } });
  }

  /** RFC 7638: the required members, in the order of their names. */
  get thumbprint() {
    return digest(JSON.stringify(this.jwk));
  }

  proof(htm, htu, { header = {}, claims = {}, token = undefined, sign = signer(this.key) } = {}) {
    const usual = { jti: randomUUID(), htm, htu, iat: now(), ...(token ? { ath: digest(token) } : {}) };
    return writeJwt({ typ: 'dpop+jwt', alg: 'ES256', jwk: this.jwk, ...header }, { ...usual, ...claims }, sign);
  }
}

/** What a server says to a machine that asks for a token, with this proof or none. */
async function askToken({ baseUrl }, machine, proof) {
  const fields = { grant_type: 'client_credentials', client_id: machine.client_id, client_secret: machine.client_secret };
  const headers = proof ? { dpop: proof } : {};
  const response = await fetch(`${baseUrl}/token`, { method: 'POST', headers, body: new URLSearchParams(fields) });
  return { status: response.status, nonce: response.headers.get('dpop-nonce'), body: await response.json() };
}

/** What the endpoint says to a token with this proof. */
async function call({ mcpUrl }, token, proof, scheme = 'DPoP') {
  const shown = { authorization: `${scheme} ${token}`, ...(proof ? { dpop: proof } : {}) };
  const send = (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...shown } });
  const response = await mcpRequest(mcpUrl, undefined, 'server/discover', {}, send);
  await response.body?.cancel();
  const { headers, status } = response;
  return { status, challenge: headers.get('www-authenticate') ?? '', nonce: headers.get('dpop-nonce') };
}

const machineOf = (server, ...more) =>
  server.command('client', 'create', '--name', 'Machine', '--machine', '--scope', 'connections:read', ...more);

export async function dpop(report, server, format) {
  const check = (name, body) => report.check(`DPoP, ${format}: ${name}`, body);
  const { baseUrl, mcpUrl } = server;
  const [holder, thief] = [await Holder.fresh(), await Holder.fresh()];
  const machine = await machineOf(server);
  const given = await askToken(server, machine, holder.proof('POST', `${baseUrl}/token`));
  const token = given.body.access_token;
  const proof = (changes = {}) => holder.proof('POST', mcpUrl, { token, ...changes });
  const refused = async (wrong, error = 'invalid_dpop_proof') => {
    const { status, challenge } = await call(server, token, wrong);
    assert.equal(status, 401, wrong);
    assert.match(challenge, new RegExp(`^DPoP error="${error}"`), wrong);
  };

  await check('sep-1932-server-validate-proof', async () => {
    const once = proof();
    assert.equal((await call(server, token, once)).status, 200);
    const changed = once.split('.').map((part, at) => (at === 1 ? proof().split('.')[1] : part));
    for (const wrong of [
      once,
      changed.join('.'),
      proof({ claims: { htm: 'GET' } }),
      proof({ claims: { htu: `${baseUrl}/other` } }),
      proof({ claims: { ath: digest('another') } }),
      proof({ claims: { ath: undefined } }),
      proof({ claims: { jti: undefined } }),
      proof({ header: { typ: 'JWT' } }),
      proof({ header: { jwk: thief.jwk } }),
      proof({ header: { jwk: { ...holder.jwk, d: 'AA' } } }),
      'junk',
    ]) {
      await refused(wrong);
    }
    await refused(thief.proof('POST', mcpUrl, { token }), 'invalid_token');
  });
  await check('sep-1932-asymmetric-alg-only', async () => {
    await refused(proof({ header: { alg: 'none' }, sign: nothing }));
    // Signed as they say, with the secret they bring: whoever takes such keys takes these.
    for (const [alg, hash] of [['HS256', 'sha256'], ['HS512', 'sha512']]) {
      const secret = randomBytes(64);
      const symmetric = {
        header: { alg, jwk: { kty: 'oct', k: secret.toString('base64url') } },
        sign: (data) => createHmac(hash, secret).update(data).digest(),
      };
      await refused(proof(symmetric));
      const asked = await askToken(server, machine, holder.proof('POST', `${baseUrl}/token`, symmetric));
      assert.deepEqual([asked.status, asked.body.error], [400, 'invalid_dpop_proof'], alg);
    }
  });
  await check('sep-1932-server-reject-401', async () => {
    await refused(undefined);
    const { status, challenge } = await call(server, token, proof(), 'Bearer');
    assert.equal(status, 401);
    assert.match(challenge, /^Bearer error="invalid_token".*DPoP algs="/);
  });
  await check('sep-1932-server-iat-window', async () => {
    for (const off of [-280, 280]) assert.equal((await call(server, token, proof({ claims: { iat: now() + off } }))).status, 200, `${off}`);
    for (const off of [-320, 320]) await refused(proof({ claims: { iat: now() + off } }));
  });
  const metadata = await (await fetch(`${baseUrl}/.well-known/oauth-authorization-server`)).json();
  const algorithms = metadata.dpop_signing_alg_values_supported;
  await check('sep-1932-as-metadata-alg-values', () => assert.ok(algorithms.includes('ES256'), `${algorithms}`));
  await check('sep-1932-as-no-none-alg', () => assert.ok(!algorithms.some((name) => /^(none|HS\d+)$/i.test(name)), `${algorithms}`));
  await check('sep-1932-as-token-binding', async () => {
    assert.equal(given.status, 200, JSON.stringify(given.body));
    assert.equal(given.body.token_type, 'DPoP');
    // An opaque token says nothing; the endpoint knows its key (above).
    if (format === 'jwt') assert.deepEqual(decode(token.split('.')[1]).cnf, { jkt: holder.thumbprint });
  });
  await check('sep-1932-as-dpop-bound-enforcement', async () => {
    const strict = await machineOf(server, '--dpop');
    const without = await askToken(server, strict);
    assert.deepEqual([without.status, without.body.error], [400, 'invalid_dpop_proof']);
    assert.equal((await askToken(server, strict, holder.proof('POST', `${baseUrl}/token`))).body.token_type, 'DPoP');
  });
}

/** The same where proofs have to have nonces of the server. */
export async function nonces(report, server) {
  const { baseUrl, mcpUrl } = server;
  const [holder, machine] = [await Holder.fresh(), await machineOf(server)];
  await report.check('DPoP, with nonces: sep-1932-server-nonce', async () => {
    const ask = (nonce) => askToken(server, machine, holder.proof('POST', `${baseUrl}/token`, { claims: { nonce } }));
    const first = await ask();
    assert.deepEqual([first.status, first.body.error], [400, 'use_dpop_nonce']);
    const token = (await ask(first.nonce)).body.access_token;
    const at = (nonce) => call(server, token, holder.proof('POST', mcpUrl, { token, claims: { nonce } }));
    for (const wrong of [undefined, 'guessed']) {
      const { status, challenge, nonce } = await at(wrong);
      assert.equal(status, 401);
      assert.match(challenge, /^DPoP error="use_dpop_nonce"/);
      assert.equal((await at(nonce)).status, 200);
    }
  });
}
