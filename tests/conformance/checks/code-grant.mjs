// Further checks of the code grant (issue 208 of the suite), beside `authorization-code-grant` of its release, which authorization.mjs
// runs. The suite has no names for these yet; they are ours, in its manner.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { isRefused, listenForRedirect } from '../harness.mjs';

export async function codeGrant(report, server, format) {
  const { baseUrl, mcpUrl } = server;
  const person = await server.person('Code');
  const redirect = await listenForRedirect();
  const metadata = await (await fetch(`${baseUrl}/.well-known/oauth-authorization-server`)).json();
  const body = JSON.stringify({
    client_name: 'The conformance checks',
    redirect_uris: [redirect.uri],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
  });
  const registered = await fetch(metadata.registration_endpoint, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { client_id } = await registered.json();

  /** A request with these parameters besides; `undefined` leaves one out. */
  const request = (changes = {}) => {
    const verifier = randomBytes(32).toString('base64url');
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const usual = {
      response_type: 'code', client_id, redirect_uri: redirect.uri, state: 'a state & more', resource: mcpUrl, code_challenge: challenge, code_challenge_method: 'S256',
    };
    const parameters = Object.entries({ ...usual, ...changes }).filter(([, value]) => value !== undefined);
    return { verifier, url: `${metadata.authorization_endpoint}?${new URLSearchParams(parameters)}` };
  };
  const redeem = async (code, verifier, changes = {}) => {
    const usual = { grant_type: 'authorization_code', code, client_id, redirect_uri: redirect.uri, code_verifier: verifier, resource: mcpUrl };
    const fields = Object.entries({ ...usual, ...changes }).filter(([, value]) => value !== undefined);
    const response = await fetch(metadata.token_endpoint, { method: 'POST', body: new URLSearchParams(fields) });
    return { status: response.status, cache: response.headers.get('cache-control'), answer: await response.json() };
  };
  const getCode = async () => {
    assert.equal(redirect.unread, 0, 'an answer nobody has looked at');
    const { verifier, url } = request();
    await person.authorize(url);
    const answer = await redirect.next();
    assert.ok(answer.get('code'), String(answer));
    return { verifier, answer };
  };
  /** The client, which the person has connected by now, hears what is wrong, and nobody is asked. */
  const sentBack = async (changes, error) => {
    await person.browser.open(request(changes).url);
    const answer = await redirect.next();
    assert.deepEqual([answer.get('error'), answer.get('iss'), answer.get('code')], [error, metadata.issuer, null], JSON.stringify(changes));
  };
  const refuses = async (code, verifier, changes, error = 'invalid_grant') => {
    const { status, cache, answer } = await redeem(code, verifier, changes);
    assert.deepEqual([status, answer.error, answer.access_token, cache], [400, error, undefined, 'no-store']);
  };
  const check = (name, run) => report.check(`authorization-code-grant, ${format}: ${name}`, run);

  await check('auth-response-iss', async () => {
    assert.equal(metadata.authorization_response_iss_parameter_supported, true);
    const { verifier, answer } = await getCode();
    // From here on the person has connected the client, and so it hears of faults itself.
    assert.equal((await redeem(answer.get('code'), verifier)).status, 200);
    assert.deepEqual([answer.getAll('iss'), answer.getAll('state')], [[metadata.issuer], ['a state & more']]);
    assert.equal(metadata.issuer, baseUrl);
  });
  await check('auth-error-response-iss', async () => {
    await person.authorize(request().url, 'deny');
    const answer = await redirect.next();
    assert.deepEqual(
      [answer.get('error'), answer.getAll('iss'), answer.getAll('state'), answer.get('code')],
      ['access_denied', [metadata.issuer], ['a state & more'], null],
    );
  });
  await check('auth-pkce-required', async () => {
    for (const changes of [
      { code_challenge: undefined, code_challenge_method: undefined }, { code_challenge_method: 'plain' }, { code_challenge_method: undefined }, { code_challenge: 'short' },
    ]) {
      await sentBack(changes, 'invalid_request');
    }
  });
  await check('auth-pkce-verifier-enforced', async () => {
    for (const wrong of [undefined, '', randomBytes(32).toString('base64url')]) {
      const { verifier, answer } = await getCode();
      await refuses(answer.get('code'), verifier, { code_verifier: wrong }, wrong ? 'invalid_grant' : 'invalid_request');
    }
  });
  await check('auth-code-single-use', async () => {
    const { verifier, answer } = await getCode();
    const { status, answer: tokens } = await redeem(answer.get('code'), verifier);
    assert.deepEqual([status, await isRefused(mcpUrl, tokens.access_token)], [200, false]);
    await refuses(answer.get('code'), verifier);
    // What came from it ends with the second attempt (OAuth 2.1 section 4.1.3).
    assert.equal(await isRefused(mcpUrl, tokens.access_token), true);
  });
  await check('auth-redirect-uri-exact', async () => {
    for (const redirect_uri of [`${redirect.uri}/`, `${redirect.uri}?x=1`, redirect.uri.replace('127.0.0.1', 'localhost'), 'https://evil.example/']) {
      const page = await person.browser.open(request({ redirect_uri }).url);
      assert.deepEqual([page.status, page.url.origin, page.form('/authorize')], [400, baseUrl, null], redirect_uri);
    }
    assert.equal(redirect.unread, 0);
    const { verifier, answer } = await getCode();
    await refuses(answer.get('code'), verifier, { redirect_uri: `${redirect.uri}/` });
  });
  await check('auth-resource-validated', async () => {
    await sentBack({ resource: 'https://elsewhere.example/mcp' }, 'invalid_target');
    const { verifier, answer } = await getCode();
    await refuses(answer.get('code'), verifier, { resource: 'https://elsewhere.example/mcp' }, 'invalid_target');
  });
  redirect.close();
}
