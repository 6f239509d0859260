// A program is who its platform says it is: it brings an access token of the issuer, written for us, and needs no secret here.

import assert from 'node:assert/strict';
import { isRefused, mcpRequest } from '../harness.mjs';

export const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** What a workload's assertion calls itself; the library would write `at+jwt`. */
const header = { typ: 'JWT' };
const claims = { environment: 'production' };

/** Presents an assertion at the token endpoint. */
export async function present(server, fields, headers = {}) {
  const response = await fetch(`${server.baseUrl}/token`, { method: 'POST', headers, body: new URLSearchParams({ grant_type: GRANT, ...fields }) });
  return { status: response.status, answer: await response.json() };
}

/** It is refused, and the word for it is this. */
export async function refuses(server, fields, headers, error = 'invalid_grant') {
  const { status, answer } = await present(server, fields, headers);
  assert.deepEqual([status, answer.error, answer.access_token], [error === 'invalid_client' ? 401 : 400, error, undefined]);
}

/** Who the MCP endpoint says the bearer of a token is. */
export async function whoami(server, token) {
  const response = await mcpRequest(server.mcpUrl, token, 'tools/call', { name: 'whoami', arguments: {} });
  assert.equal(response.status, 200);
  return (await response.json()).result.structuredContent;
}

export async function workloads(report, { server, issuer, stranger, impostor, machine }) {
  const ours = server.baseUrl;
  const label = (what) => `oidc-provider, workload: ${what}`;
  const now = () => Math.floor(Date.now() / 1000);
  const refusesOne = async (assertion) => await refuses(server, { assertion });
  const good = () => issuer.workload(ours, { header, claims });

  await report.check(label('its access token is an assertion, and a call works with what it brings'), async () => {
    const { status, answer } = await present(server, { assertion: await good() });
    assert.deepEqual([status, answer.token_type, answer.scope, answer.refresh_token], [200, 'Bearer', 'connections:read', undefined]);
    const seen = await whoami(server, answer.access_token);
    assert.deepEqual([seen.service.name, seen.client.id], ['Deployer', machine]);
  });
  await report.check(label('one that comes again is refused'), async () => {
    const assertion = await good();
    assert.equal((await present(server, { assertion })).status, 200);
    await refusesOne(assertion);
  });
  await report.check(label('one for another audience is refused'), async () => {
    for (const audience of ['https://elsewhere.example', `${ours}/token`, server.mcpUrl]) {
      await refusesOne(await issuer.workload(audience, { header, claims }));
    }
    await refusesOne(await issuer.workload(ours, { header, claims: { ...claims, aud: [ours, 'https://elsewhere.example'] } }));
  });
  await report.check(label('a plain access token is none, nor is any other type'), async () => {
    // As the library writes it by itself: good at a resource, and no assertion.
    await refusesOne(await issuer.workload(ours, { claims }));
    for (const typ of ['logout+jwt', 'dpop+jwt']) await refusesOne(await issuer.workload(ours, { header: { typ }, claims }));
  });
  await report.check(label('another issuer is refused, and one that has its name and other keys'), async () => {
    await refusesOne(await stranger.workload(ours, { header, claims }));
    await refusesOne(await impostor.workload(ours, { header, claims }));
  });
  await report.check(label('one that is over is refused, as is one that lasts for days'), async () => {
    await refusesOne(await issuer.workload(ours, { header, claims: { ...claims, iat: now() - 400, exp: now() - 40 } }));
    await refusesOne(await issuer.workload(ours, { header, claims: { ...claims, exp: now() + 86_400 } }));
    await refusesOne(await issuer.workload(ours, { header, claims: { ...claims, exp: null } }));
    await refusesOne(await issuer.workload(ours, { header, claims: { ...claims, jti: null } }));
  });
  await report.check(label('who does not fit the rule is refused'), async () => {
    for (const wrong of [{}, { environment: 'staging' }, { environment: ['production'] }, { ...claims, sub: 'deployer2' }]) {
      await refusesOne(await issuer.workload(ours, { header, claims: wrong }));
    }
  });
  await report.check(label('it has no more than its machine, and not for elsewhere'), async () => {
    await refuses(server, { assertion: await good(), scope: 'demo:step-up' }, {}, 'invalid_scope');
    await refuses(server, { assertion: await good(), resource: 'https://elsewhere.example' }, {}, 'invalid_target');
    assert.equal(await isRefused(server.mcpUrl, await good()), true, 'the assertion itself is no access token');
  });
}
