// Enterprise-managed authorization (ID-JAG): a person signs in at the issuer, their application exchanges the id token for an assertion
// that is written for us, and is let in here without a question.

import assert from 'node:assert/strict';
import * as client from 'openid-client';
import { Browser, isRefused } from '../harness.mjs';
import { present, refuses, whoami } from './workloads.mjs';

const header = { typ: 'oauth-id-jag+jwt' };
const REDIRECT = 'http://127.0.0.1:9/callback';

/** Signs the person in at the issuer with a client nobody here wrote, and gives the id token. */
async function signIn(issuer) {
  const config = await client.discovery(new URL(issuer.name), 'chat', undefined, client.ClientSecretBasic('secret-of-chat'), {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  });
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope: 'openid email',
    state: expectedState,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  });
  const answer = await new Browser().follow(url, REDIRECT);
  return (await client.authorizationCodeGrant(config, answer, { pkceCodeVerifier, expectedState, idTokenExpected: true })).id_token;
}

export async function idJag(report, { server, issuer, stranger, impostor }) {
  const ours = server.baseUrl;
  const label = (what) => `oidc-provider, ID-JAG: ${what}`;
  const person = await server.person('Grace');
  // The issuer's word for an address counts only if it is proven here, too.
  const isTaken = async () => (await present(server, { assertion: await make() }, own)).status;
  const create = (name) => server.command('client', 'create', '--name', name, '--confidential', '--redirect-uri', 'https://chat.example/callback');
  const [chat, other] = [await create('Chat'), await create('Other')];
  const basic = ({ client_id, client_secret }) => ({ authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}` });
  const own = basic(chat);
  const usual = { client_id: chat.client_id, resource: server.mcpUrl, email: person.email };
  const now = () => Math.floor(Date.now() / 1000);

  const idToken = await report.check(label('a person signs in at the issuer'), () => signIn(issuer));
  if (!idToken) return;
  const make = (changes = {}) => issuer.idJag(idToken, ours, { header: changes.header ?? header, claims: { ...usual, ...changes.claims } });
  const refusesOne = async (assertion, headers = own, error = undefined) => await refuses(server, { assertion }, headers, error);

  await report.check(label('an address that is not proven here names nobody'), async () => {
    assert.equal(await isTaken(), 400);
    await server.command('user', 'verify', '--email', person.email, '--is-theirs');
  });
  await report.check(label('the application is let in, and a call works'), async () => {
    const { status, answer } = await present(server, { assertion: await make() }, own);
    assert.deepEqual([status, answer.token_type, answer.scope], [200, 'Bearer', 'connections:read demo:step-up']);
    assert.equal(answer.refresh_token, undefined);
    const seen = await whoami(server, answer.access_token);
    assert.deepEqual([seen.user.email, seen.client.id], [person.email, chat.client_id]);
    const less = await present(server, { assertion: await make(), scope: 'connections:read' }, own);
    assert.equal(less.answer.scope, 'connections:read');
  });
  await report.check(label('it is taken once, from its client alone, who proves who it is'), async () => {
    const assertion = await make();
    await refusesOne(assertion, basic(other));
    await refusesOne(assertion, basic({ ...chat, client_secret: 'blg_cs_guess' }), 'invalid_client');
    assert.equal((await present(server, { assertion }, own)).status, 200);
    await refusesOne(assertion);
  });
  await report.check(label('another audience, type or issuer is refused'), async () => {
    await refusesOne(await issuer.idJag(idToken, 'https://elsewhere.example', { header, claims: usual }));
    for (const typ of ['JWT', 'at+jwt']) await refusesOne(await make({ header: { typ } }));
    await refusesOne(await make({ claims: { iss: stranger.name } }));
    // What others sign that says the same: one under its own name, one under the name of the issuer.
    const claims = { ...usual, sub: 'grace-at-acme', scope: 'connections:read' };
    for (const one of [stranger, impostor]) await refusesOne(await one.workload(ours, { header, claims }));
    // And that this is how it is said: the issuer itself is believed.
    assert.equal((await present(server, { assertion: await issuer.workload(ours, { header, claims }) }, own)).status, 200);
  });
  await report.check(label('one that is over, or has no name of its own, is refused'), async () => {
    await refusesOne(await make({ claims: { iat: now() - 400, exp: now() - 40 } }));
    await refusesOne(await make({ claims: { exp: now() + 86_400 } }));
    await refusesOne(await make({ claims: { jti: null } }));
  });
  await report.check(label('it speaks for nobody of another domain, and for no other place'), async () => {
    await refusesOne(await make({ claims: { email: 'grace@elsewhere.example' } }));
    await refusesOne(await make({ claims: { email: 'nobody@example.org' } }));
    await refusesOne(await make({ claims: { resource: 'https://elsewhere.example' } }), own, 'invalid_target');
    assert.equal(await isRefused(server.mcpUrl, await make()), true, 'the assertion itself is no access token');
  });
}
