// `server-auth/basic-dcr-flow`: an official SDK goes from the first 401 by way of discovery, registration and consent to a call, and
// each step is looked at as the server answered it.

import assert from 'node:assert/strict';
import { application } from '../clients/typescript.mjs';
import { parameter, watch } from './watch.mjs';

const isAt = (path) => (one) => new URL(one.url).pathname.startsWith(path);

export async function registration(report, server, kind, format) {
  const person = await server.person(`dcr-${kind.label.replaceAll(/[^a-z0-9]+/gi, '-')}`);
  const { seen, fetch } = watch();
  const { redirect, provider, dial, finish } = await application(server, { ...kind, fetch }, person);
  let tools;
  const failure = await (async () => {
    const first = dial();
    await assert.rejects(first.done, kind.sdk.UnauthorizedError);
    await finish(first.transport);
    const { client, done } = dial();
    await done;
    ({ tools } = await client.listTools());
    await client.close();
  })().catch((error) => error);
  redirect.close();

  const check = (name, body) => report.check(`server-auth/basic-dcr-flow, ${kind.label}, ${format}: ${name}`, body);
  const find = (what, test) => seen.find(test) ?? assert.fail(`the client never saw ${what}`);
  const [refusal] = seen.filter(({ url }) => url === server.mcpUrl);
  await check('auth-401-response', () => assert.deepEqual([refusal.status, refusal.authorization], [401, null]));
  await check('auth-www-authenticate-header', () => assert.match(refusal.challenge, /^Bearer /));
  const named = parameter(refusal.challenge, 'resource_metadata');
  await check('auth-resource-metadata-param', () => assert.equal(new URL(named).origin, server.baseUrl));
  const resource = find('the metadata of the resource', ({ url, status }) => url === named && status === 200).body;
  await check('auth-prm-discovery', () => assert.equal(resource.resource, server.mcpUrl));
  await check('auth-prm-authorization-servers', () => assert.deepEqual(resource.authorization_servers, [server.baseUrl]));
  const metadata = find('the metadata of the server', isAt('/.well-known/oauth-authorization-server'));
  await check('auth-as-metadata-discovery', () => assert.equal(metadata.status, 200));
  await check('auth-as-metadata-fields', () => {
    const { issuer, authorization_endpoint, token_endpoint, registration_endpoint } = metadata.body;
    assert.deepEqual(
      [issuer, authorization_endpoint, token_endpoint, registration_endpoint],
      ['', '/authorize', '/token', '/register'].map((path) => server.baseUrl + path),
    );
    assert.deepEqual(metadata.body.code_challenge_methods_supported, ['S256']);
    assert.ok(metadata.body.response_types_supported.includes('code'));
  });
  const registered = find('a registration', isAt('/register'));
  await check('auth-dcr-registration', () => assert.deepEqual([registered.method, registered.status], ['POST', 201]));
  await check('auth-dcr-response', () => {
    assert.equal(registered.body.client_id, provider.client.client_id);
    assert.deepEqual(registered.body.redirect_uris, provider.clientMetadata.redirect_uris);
  });
  const token = find('a token request', isAt('/token'));
  await check('auth-token-request', () => assert.deepEqual([token.method, token.status], ['POST', 200]));
  await check('auth-token-response', () => {
    assert.equal(typeof token.body.access_token, 'string');
    assert.equal(token.body.token_type.toLowerCase(), 'bearer');
  });
  const sent = find('a call with the token', ({ url, authorization }) => url === server.mcpUrl && authorization);
  await check('auth-authenticated-request', () => {
    assert.deepEqual([sent.status, sent.authorization], [200, `Bearer ${token.body.access_token}`]);
  });
  await check('auth-flow-completion', () => {
    if (failure) throw failure;
    assert.ok(tools.some(({ name }) => name === 'whoami'));
  });
}
