// What a well-behaved client gets of every provider.

import assert from 'node:assert/strict';
import { until } from '../../harness.mjs';
import { TEAM } from '../apple.mjs';
import { writeJwt, signer } from '../keys.mjs';
import { CONSUMERS, WORK } from '../people.mjs';
import { Client } from './client.mjs';

export async function flows(report, idp) {
  await google(report, idp);
  await microsoft(report, idp);
  await generic(report, idp);
  await github(report, idp);
  await apple(report, idp);
}

async function google(report, idp) {
  const client = await Client.open(idp.google, idp.addresses.google.discovery_url);
  await report.check('Google: signs in with PKCE, and the id token says who it is', async () => {
    const tokens = await client.signIn('ada');
    const { sub, email, email_verified, name, picture, given_name, hd, azp } = tokens.claims();
    assert.match(sub, /^1\d{20}$/);
    assert.deepEqual([email, email_verified, name, given_name], ['ada@example.org', true, 'Ada Lovelace', 'Ada']);
    assert.equal((await fetch(picture)).headers.get('content-type'), 'image/png');
    assert.deepEqual([hd, azp], [undefined, idp.google.client.id]);
    assert.equal(tokens.refresh_token, undefined, 'nobody asked for offline access');
    assert.match(tokens.scope, /userinfo\.email/);
    assert.equal((await client.userinfo(tokens)).email, email);
  });
  await report.check('Google: asks nobody twice, unless it is to', async () => {
    await client.signIn('ada');
    assert.deepEqual(client.pages, []);
    await client.signIn('ada', { prompt: 'consent' });
    assert.equal(client.pages.length, 1);
    await client.signIn('grace', { prompt: 'select_account' });
    assert.match(client.pages[0], /Choose an account/);
  });
  await report.check('Google: refresh tokens come with offline access and stay good', async () => {
    const offline = { access_type: 'offline', prompt: 'consent', include_granted_scopes: 'true' };
    const tokens = await client.signIn('ada', offline);
    assert.ok(tokens.refresh_token);
    const again = await client.refresh(tokens);
    assert.ok(again.access_token !== tokens.access_token && again.refresh_token !== '');
    assert.ok((await client.refresh(tokens)).access_token);
    assert.equal(idp.google.counts['token refresh_token'], 2);
  });
  await report.check('Google: hd narrows the choice, and only that', async () => {
    idp.google.forgetSessions();
    const tokens = await client.signIn('grace', { hd: 'navy.example' });
    assert.equal(tokens.claims().hd, 'navy.example');
    idp.google.forgetSessions();
    idp.google.set({ ignoresHostedDomain: true });
    assert.equal((await client.signIn('ada', { hd: 'navy.example' })).claims().hd, undefined);
    idp.google.reset();
  });
  await report.check('Google: says "true" when it is told to', async () => {
    idp.google.set({ emailVerifiedAsString: true });
    assert.equal((await client.signIn('ada')).claims().email_verified, 'true');
    idp.google.reset();
  });
  await report.check('Google: a denial comes back as access_denied', async () => {
    const answer = await client.authorize('ada', { deny: true, prompt: 'consent' });
    await assert.rejects(client.redeem(answer), (error) => error.error === 'access_denied');
  });
  await report.check('Google: prompt=none without a session, max_age with an old one', async () => {
    assert.ok((await client.signIn('ada', { max_age: '600' })).claims().auth_time);
    idp.google.forgetSessions();
    await assert.rejects(
      client.redeem(await client.authorize('ada', { prompt: 'none' })),
      (error) => error.error === 'login_required',
    );
  });
  client.close();
}

async function microsoft(report, idp) {
  const address = (tenant) => `${idp.base}/${tenant}/v2.0/.well-known/openid-configuration`;
  const document = await (await fetch(address('common'))).json();
  await report.check('Microsoft: common and organizations name a template, the others an issuer', async () => {
    assert.equal(document.issuer, `${idp.base}/{tenantid}/v2.0`);
    assert.equal(document.code_challenge_methods_supported, undefined);
    assert.equal((await (await fetch(address('consumers'))).json()).issuer, `${idp.base}/${CONSUMERS}/v2.0`);
  });
  for (const [person, tid] of Object.entries({ grace: WORK, ada: CONSUMERS })) {
    await report.check(`Microsoft: common, form_post, and the id token names the tenant of ${person}`, async () => {
      // The client compares issuers to the letter; the tenant is filled in as whoever knows it would.
      const client = await Client.open(idp.microsoft, { ...document, issuer: `${idp.base}/${tid}/v2.0` });
      const scope = 'openid profile email offline_access User.Read';
      const answer = await client.authorize(person, { scope, response_mode: 'form_post' });
      assert.equal(answer.method, 'POST');
      const tokens = await client.redeem(answer);
      const claims = tokens.claims();
      assert.deepEqual([claims.tid, claims.ver, claims.email_verified], [tid, '2.0', undefined]);
      assert.match(claims.preferred_username, new RegExp(person));
      assert.match(claims.oid, /^0000000\d-/);
      assert.ok((await client.refresh(tokens)).refresh_token);
      assert.equal((await client.userinfo(tokens)).sub, claims.sub);
      await photo(idp, tokens);
      client.close();
    });
  }
  await report.check('Microsoft: a tenant lets nobody else in', async () => {
    const client = await Client.open(idp.microsoft, address(WORK));
    assert.equal((await client.signIn('grace')).claims().tid, WORK);
    const denied = await client.authorize('ada', { prompt: 'select_account' }).catch((error) => error);
    assert.ok(denied instanceof Error, 'Ada is on the list');
    client.close();
  });
}

async function photo({ microsoft, addresses }, tokens) {
  const ask = (path, token) =>
    fetch(`${addresses.microsoft.graph_url}/me/${path}/$value`, { headers: { authorization: `Bearer ${token}` } });
  for (const path of ['photo', 'photos/48x48']) {
    const response = await ask(path, tokens.access_token);
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'image/png']);
  }
  assert.equal((await ask('photo', 'nonsense')).status, 401);
  microsoft.set({ photo: false });
  assert.equal((await ask('photo', tokens.access_token)).status, 404);
  microsoft.reset();
}

async function generic(report, idp) {
  const client = await Client.open(idp.generic, idp.addresses.generic.issuer);
  await report.check('generic: PKCE, the answer names the issuer, claims stand in userinfo', async () => {
    const answer = await client.authorize('ada');
    assert.equal(new URL(answer.url).searchParams.get('iss'), idp.addresses.generic.issuer);
    const tokens = await client.redeem(answer);
    assert.equal(tokens.claims().email, undefined);
    assert.equal((await client.userinfo(tokens)).email, 'ada@example.org');
  });
  await report.check('generic: refresh tokens are used once', async () => {
    const tokens = await client.signIn('ada', { scope: 'openid offline_access', prompt: 'consent' });
    await client.refresh(tokens);
    await assert.rejects(client.refresh(tokens), (error) => error.error === 'invalid_grant');
  });
  await report.check('generic: keys change while it runs, to ES256 too', async () => {
    const before = await idp.generic.rotateKeys({ keepOld: true });
    assert.notEqual(await idp.generic.rotateKeys({ alg: 'ES256' }), before);
    const fresh = await Client.open(idp.generic, idp.addresses.generic.issuer);
    fresh.config.clientMetadata().id_token_signed_response_alg = 'ES256';
    const tokens = await fresh.signIn('ada');
    assert.equal(JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url')).alg, 'ES256');
    await idp.generic.rotateKeys({ alg: 'RS256' });
    fresh.close();
  });
  await report.check('generic: access tokens end when they are told to', async () => {
    idp.generic.set({ accessTokenTtl: 1 });
    const fresh = await Client.open(idp.generic, idp.addresses.generic.issuer);
    const tokens = await fresh.signIn('ada');
    assert.equal(tokens.expires_in, 1);
    await until('the access token is refused', () =>
      fresh.userinfo(tokens).then(
        () => false,
        () => true,
      ),
    );
    idp.generic.reset();
    fresh.close();
  });
  client.close();
}

async function github(report, idp) {
  const { authorization_endpoint, token_endpoint, api_url } = idp.addresses.github;
  const client = await Client.open(idp.github, { issuer: 'https://github.example', authorization_endpoint, token_endpoint });
  await report.check('GitHub: no id token; who it is stands behind the API', async () => {
    const tokens = await client.signIn('ada', { scope: 'read:user user:email' });
    assert.equal(tokens.id_token, undefined);
    assert.equal(tokens.scope, 'read:user,user:email');
    const ask = async (path) =>
      (await fetch(api_url + path, { headers: { authorization: `Bearer ${tokens.access_token}` } })).json();
    const user = await ask('/user');
    assert.deepEqual([user.id, user.login, user.email], [1001, 'ada', null]);
    const primary = (await ask('/user/emails')).find((one) => one.primary);
    assert.deepEqual([primary.email, primary.verified], ['ada@example.org', true]);
  });
  await report.check('GitHub: errors have status 200, and tokens come as a form', async () => {
    const fields = { client_id: idp.github.client.id, client_secret: idp.github.client.secret, grant_type: 'authorization_code' };
    const body = new URLSearchParams({ ...fields, code: 'made-up', redirect_uri: client.redirect.uri });
    const response = await fetch(token_endpoint, { method: 'POST', body });
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type'), /x-www-form-urlencoded/);
    assert.equal(new URLSearchParams(await response.text()).get('error'), 'invalid_grant');
  });
  client.close();
}

async function apple(report, idp) {
  const now = Math.floor(Date.now() / 1000);
  const { kid } = idp.apple.client.signingKey;
  const claims = { iss: TEAM, sub: idp.apple.client.id, aud: `${idp.base}/apple`, iat: now, exp: now + 300 };
  const secret = (changes) => writeJwt({ alg: 'ES256', kid }, { ...claims, ...changes }, signer(idp.apple.client.signingKey));
  await report.check('Apple: a signed secret, a posted answer, and a name that comes once', async () => {
    const client = await Client.open(idp.apple, idp.addresses.apple.discovery_url, { clientSecret: secret({}) });
    const asked = { scope: 'name email', response_mode: 'form_post' };
    const first = await client.authorize('ada', asked);
    const posted = new URLSearchParams(await first.clone().text());
    assert.equal(JSON.parse(posted.get('user')).name.firstName, 'Ada');
    assert.equal((await client.redeem(first)).claims().email_verified, 'true');
    const second = new URLSearchParams(await (await client.authorize('ada', asked)).text());
    assert.equal(second.get('user'), null);
    client.close();
  });
  await report.check('Apple: a secret of another team is refused', async () => {
    const client = await Client.open(idp.apple, idp.addresses.apple.discovery_url, { clientSecret: secret({ iss: 'OTHER' }) });
    const answer = await client.authorize('ada', { scope: 'name email', response_mode: 'form_post' });
    await assert.rejects(client.redeem(answer), (error) => error.error === 'invalid_client');
    client.close();
  });
}
