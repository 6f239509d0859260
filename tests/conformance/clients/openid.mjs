// openid-client: it discovers the server, registers itself, signs a person in and asks who it is. Signatures are checked with the
// published keys, also where TLS would do (enableNonRepudiationChecks).

import assert from 'node:assert/strict';
import * as client from 'openid-client';
import { isRefused, listenForRedirect, PASSWORD } from '../harness.mjs';

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];

/** A relying party that has registered itself. */
class RelyingParty {
  static async register(server, redirect, algorithm) {
    const metadata = {
      client_name: `openid-client, ${algorithm}`,
      redirect_uris: [redirect.uri],
      post_logout_redirect_uris: [redirect.uri],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'client_secret_basic',
      ...(algorithm === 'RS256' ? {} : { id_token_signed_response_alg: algorithm }),
    };
    // The library chooses how to authenticate by the secret it gets; our registration says HTTP Basic.
    const authentication = (as, registered, body, headers) =>
      client.ClientSecretBasic(registered.client_secret)(as, registered, body, headers);
    const config = await client.dynamicClientRegistration(new URL(server.baseUrl), metadata, authentication, {
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    });
    return Object.assign(new RelyingParty(), { config, redirect });
  }

  /** Signs a person in by the given steps, and gives the tokens. */
  async signIn(authorize, scope, wishes = {}) {
    const pkceCodeVerifier = client.randomPKCECodeVerifier();
    const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
    const url = client.buildAuthorizationUrl(this.config, {
      redirect_uri: this.redirect.uri,
      scope,
      state: expectedState,
      nonce: expectedNonce,
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      ...wishes,
    });
    await authorize(url);
    const answer = new URL(`${this.redirect.uri}?${await this.redirect.next()}`);
    const maxAge = wishes.max_age === undefined ? undefined : Number(wishes.max_age);
    return await client.authorizationCodeGrant(this.config, answer, {
      pkceCodeVerifier,
      expectedState,
      expectedNonce,
      idTokenExpected: true,
      ...(maxAge === undefined ? {} : { maxAge }),
    });
  }
}

/** What somebody does who is asked to prove once more to be there. */
async function proveAndAllow(person, url) {
  const page = await person.browser.open(url);
  assert.ok(page.form('/auth/confirm'), `no question at ${page.url}`);
  const question = await page.submit('/auth/confirm', { password: PASSWORD });
  return await question.submit('/authorize', {}, 'allow');
}

export async function openid(report, server, format) {
  const person = await server.person('Ada');
  const redirect = await listenForRedirect();
  for (const algorithm of ALGORITHMS) {
    const label = `openid-client, ${algorithm}, ${format} access tokens`;
    await report.check(`${label}: from discovery to userinfo and back`, async () => {
      const party = await RelyingParty.register(server, redirect, algorithm);
      const tokens = await party.signIn((url) => person.authorize(url), 'openid profile email offline_access');
      const claims = tokens.claims();
      assert.deepEqual([claims.iss, claims.email, claims.name], [server.baseUrl, person.email, 'Ada']);
      const header = JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url').toString());
      assert.equal(header.alg, algorithm);
      assert.equal(tokens.access_token.split('.').length, format === 'jwt' ? 3 : 1);
      const told = await client.fetchUserInfo(party.config, tokens.access_token, claims.sub);
      assert.deepEqual([told.sub, told.email, told.name], [claims.sub, person.email, 'Ada']);
      assert.equal(await isRefused(server.mcpUrl, tokens.access_token), false);
      const renewed = await client.refreshTokenGrant(party.config, tokens.refresh_token);
      assert.deepEqual([renewed.claims().sub, renewed.claims().auth_time], [claims.sub, claims.auth_time]);
      assert.equal((await client.fetchUserInfo(party.config, renewed.access_token, claims.sub)).sub, claims.sub);
      await client.tokenRevocation(party.config, renewed.access_token);
      await assert.rejects(client.fetchUserInfo(party.config, renewed.access_token, claims.sub));
      assert.equal(await isRefused(server.mcpUrl, renewed.access_token), true);
    });
  }
  await report.check(`openid-client, ${format} access tokens: prompt and max_age`, async () => {
    const party = await RelyingParty.register(server, redirect, 'RS256');
    await party.signIn((url) => person.authorize(url), 'openid');
    const before = Date.now();
    for (const wishes of [{ prompt: 'login' }, { max_age: '0' }]) {
      const tokens = await party.signIn((url) => proveAndAllow(person, url), 'openid', wishes);
      assert.ok(tokens.claims().auth_time >= Math.floor(before / 1000) - 1);
    }
    await party.signIn((url) => person.authorize(url), 'openid', { max_age: '3600' });
    const silent = party.signIn((url) => person.browser.open(url), 'openid', { prompt: 'none' });
    await assert.rejects(silent, (error) => error.error === 'consent_required');
  });
  await report.check(`openid-client, ${format} access tokens: signing out by the client`, async () => {
    const grace = await server.person('Grace');
    const party = await RelyingParty.register(server, redirect, 'RS256');
    const tokens = await party.signIn((url) => grace.authorize(url), 'openid');
    const wish = { id_token_hint: tokens.id_token, post_logout_redirect_uri: redirect.uri, state: 'bye & thanks' };
    await grace.browser.open(client.buildEndSessionUrl(party.config, wish));
    assert.equal((await redirect.next()).get('state'), 'bye & thanks');
    // Whoever is signed in is sent on from there.
    const page = await grace.browser.open(`${server.baseUrl}/auth/signin`);
    assert.ok(page.form('/auth/signin'), `still signed in: ${page.url}`);
  });
  await report.check(`openid-client, ${format} access tokens: a rotation of keys goes unnoticed`, async () => {
    const party = await RelyingParty.register(server, redirect, 'ES256');
    await party.signIn((url) => person.authorize(url), 'openid');
    await server.command('key', 'rotate', '--now');
    const tokens = await party.signIn((url) => person.authorize(url), 'openid');
    assert.ok((await client.fetchUserInfo(party.config, tokens.access_token, tokens.claims().sub)).sub);
  });
  redirect.close();
}
