// oauth4webapi, with no code of ours in between: discovery, requests sent ahead, private_key_jwt, a code with PKCE, DPoP with nonces, a
// refresh, and the official TypeScript SDK with the bound token. A bound token sent as a bearer token opens nothing.

import assert from 'node:assert/strict';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as oauth from 'oauth4webapi';
import { listenForRedirect } from '../harness.mjs';

const insecure = { [oauth.allowInsecureRequests]: true };

/** A client that is known to the server by its keys. */
class Party {
  static async discover(server, clientId, signingKey, algorithm) {
    const issuer = new URL(server.baseUrl);
    const answer = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure });
    const as = await oauth.processDiscoveryResponse(issuer, answer);
    const client = { client_id: clientId };
    const keyPair = await oauth.generateKeyPair(algorithm);
    const authentication = signingKey ? oauth.PrivateKeyJwt(signingKey) : oauth.None();
    return Object.assign(new Party(), { as, client, authentication, dpop: oauth.DPoP(client, keyPair), nonces: 0 });
  }

  /** Sends a request, and again with the nonce if one is wanted, which the library has kept then. */
  async withNonce(send) {
    try {
      return await send();
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error;
      this.nonces += 1;
      return await send();
    }
  }

  get options() {
    return { DPoP: this.dpop, ...insecure };
  }

  /** A person lets the client in, whose request was sent ahead with a proof: the tokens. */
  async connect(person, redirect, scope, resource) {
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const parameters = new URLSearchParams({
      client_id: this.client.client_id,
      redirect_uri: redirect.uri,
      response_type: 'code',
      scope,
      state,
      resource,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const pushed = await this.withNonce(async () => {
      const answer = await oauth.pushedAuthorizationRequest(this.as, this.client, this.authentication, parameters, this.options);
      return await oauth.processPushedAuthorizationResponse(this.as, this.client, answer);
    });
    const url = new URL(this.as.authorization_endpoint);
    url.searchParams.set('client_id', this.client.client_id);
    url.searchParams.set('request_uri', pushed.request_uri);
    await person.authorize(url);
    const sent = new URL(`${redirect.uri}?${await redirect.next()}`);
    const checked = oauth.validateAuthResponse(this.as, this.client, sent, state);
    return await this.withNonce(async () => {
      const { as, client, authentication } = this;
      const answer = await oauth.authorizationCodeGrantRequest(as, client, authentication, checked, redirect.uri, verifier, this.options);
      return await oauth.processAuthorizationCodeResponse(as, client, answer);
    });
  }

  async refresh(token) {
    return await this.withNonce(async () => {
      const answer = await oauth.refreshTokenGrantRequest(this.as, this.client, this.authentication, token, this.options);
      return await oauth.processRefreshTokenResponse(this.as, this.client, answer);
    });
  }

  async ownToken(parameters) {
    return await this.withNonce(async () => {
      const wishes = new URLSearchParams(parameters);
      const answer = await oauth.clientCredentialsGrantRequest(this.as, this.client, this.authentication, wishes, this.options);
      return await oauth.processClientCredentialsResponse(this.as, this.client, answer);
    });
  }

  /** `fetch` for an SDK: the token and the proof are the library's doing. */
  fetchWith(token) {
    return async (url, { method = 'GET', headers, body } = {}) =>
      await this.withNonce(async () => {
        const own = new Headers(headers);
        return await oauth.protectedResourceRequest(token, method, new URL(url), own, body ?? null, this.options);
      });
  }

  /** The official SDK at the endpoint, from initialize to a tool and back. */
  async useTools(mcpUrl, token) {
    const sdk = new Client({ name: 'oauth4webapi', version: '1' });
    await sdk.connect(new StreamableHTTPClientTransport(new URL(mcpUrl), { fetch: this.fetchWith(token) }));
    const { tools } = await sdk.listTools();
    const { structuredContent } = await sdk.callTool({ name: 'whoami', arguments: {} });
    await sdk.transport.terminateSession();
    await sdk.close();
    return { names: tools.map(({ name }) => name), seen: structuredContent };
  }
}

/** How the endpoint answers `initialize` with this token and these headers. */
async function initialize(mcpUrl, headers) {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
  return await fetch(mcpUrl, {
    method: 'POST',
    headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
  });
}

async function opensNothingAsBearer(mcpUrl, token) {
  const refused = await initialize(mcpUrl, { authorization: `Bearer ${token}` });
  assert.equal(refused.status, 401);
  assert.match(refused.headers.get('www-authenticate'), /^Bearer error="invalid_token".*DPoP algs="ES256 EdDSA Ed25519 RS256 PS256"$/);
  const unproven = await initialize(mcpUrl, { authorization: `DPoP ${token}` });
  assert.equal(unproven.status, 401);
  assert.match(unproven.headers.get('www-authenticate'), /^DPoP error="invalid_dpop_proof"/);
}

/** A key, and the file in which the operator is told its public half. */
async function signingKey(writeFile) {
  const pair = await oauth.generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await crypto.subtle.exportKey('jwk', pair.publicKey)), kid: 'one', alg: 'ES256' };
  const file = writeFile('jwks.json', JSON.stringify({ keys: [jwk] }));
  return { file, key: { key: pair.privateKey, kid: 'one' } };
}

export async function boundKeys(report, server, { algorithm, wantsNonces, writeFile }) {
  const label = `oauth4webapi, ${algorithm}, ${wantsNonces ? 'with' : 'without'} nonces`;
  const person = await server.person('Ada');
  const redirect = await listenForRedirect();
  const { file, key } = await signingKey(writeFile);
  const command = ['client', 'create', '--name', 'Signer', '--redirect-uri', redirect.uri, '--jwks', file, '--dpop', '--pushed-only'];
  await report.check(`${label}: from discovery to a tool, with keys for everything`, async () => {
    const made = await server.command(...command);
    const party = await Party.discover(server, made.client_id, key, algorithm);
    assert.ok(party.as.dpop_signing_alg_values_supported.includes(algorithm));
    const tokens = await party.connect(person, redirect, 'connections:read offline_access', server.mcpUrl);
    assert.equal(tokens.token_type, 'dpop');
    const { names, seen } = await party.useTools(server.mcpUrl, tokens.access_token);
    assert.ok(names.includes('whoami') && seen.user.email === person.email, JSON.stringify({ names, seen }));
    await opensNothingAsBearer(server.mcpUrl, tokens.access_token);
    const renewed = await party.refresh(tokens.refresh_token);
    assert.equal(renewed.token_type, 'dpop');
    assert.equal((await party.useTools(server.mcpUrl, renewed.access_token)).seen.user.email, person.email);
    assert.equal(party.nonces > 0, wantsNonces, `${party.nonces} nonces`);
    // Another key is another client, for all the token says.
    const thief = await Party.discover(server, made.client_id, key, algorithm);
    await assert.rejects(thief.fetchWith(tokens.access_token)(server.mcpUrl, { method: 'POST', body: '{}' }), (error) => {
      assert.equal(error.cause?.[0]?.scheme, 'dpop');
      return error.cause[0].parameters.error === 'invalid_token';
    });
  });
  await report.check(`${label}: a public client keeps its refresh token to its key`, async () => {
    const made = await server.command('client', 'create', '--name', 'Public', '--redirect-uri', redirect.uri);
    const party = await Party.discover(server, made.client_id, undefined, algorithm);
    const tokens = await party.connect(person, redirect, 'connections:read offline_access', server.mcpUrl);
    const thief = await Party.discover(server, made.client_id, undefined, algorithm);
    await assert.rejects(thief.refresh(tokens.refresh_token), (error) => error.error === 'invalid_grant');
    const renewed = await party.refresh(tokens.refresh_token);
    assert.equal((await party.useTools(server.mcpUrl, renewed.access_token)).seen.user.email, person.email);
  });
  await report.check(`${label}: a machine with a key`, async () => {
    const line = ['client', 'create', '--name', 'Nightly', '--machine', '--scope', 'connections:read', '--jwks', file, '--dpop'];
    const made = await server.command(...line);
    const party = await Party.discover(server, made.client_id, key, algorithm);
    const token = await party.ownToken({ resource: server.mcpUrl });
    assert.equal(token.token_type, 'dpop');
    assert.equal((await party.useTools(server.mcpUrl, token.access_token)).seen.service.name, 'Nightly');
    await opensNothingAsBearer(server.mcpUrl, token.access_token);
  });
  redirect.close();
}
