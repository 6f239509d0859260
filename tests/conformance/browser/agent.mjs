// A small OAuth client, for what happens around the browser: registration, the token, and calls with it.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { listenForRedirect, mcpRequest } from '../harness.mjs';

const post = async (url, body) => {
  const response = await fetch(url, { method: 'POST', ...body });
  const answer = await response.json();
  assert.ok(response.ok, `${url}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
};

export class Agent {
  static async register(server, name) {
    const redirect = await listenForRedirect();
    const metadata = { client_name: name, redirect_uris: [redirect.uri], token_endpoint_auth_method: 'none' };
    const { client_id: clientId } = await post(`${server.baseUrl}/register`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(metadata),
    });
    return Object.assign(new Agent(), { server, name, redirect, clientId });
  }

  /** A fresh authorization request; `changes` overrides its parameters, and null takes one out. */
  authorizationUrl(changes = {}) {
    this.verifier = randomBytes(32).toString('base64url');
    this.state = randomBytes(16).toString('base64url');
    const parameters = {
      response_type: 'code',
      client_id: this.clientId,
      redirect_uri: this.redirect.uri,
      state: this.state,
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      resource: this.server.mcpUrl,
      ...changes,
    };
    const kept = Object.entries(parameters).filter(([, value]) => value !== null);
    return `${this.server.baseUrl}/authorize?${new URLSearchParams(kept)}`;
  }

  /** What came back with the browser, checked for what every answer must carry (RFC 6749 section 4.1.2, RFC 9207). */
  async answer() {
    const answer = await this.redirect.next();
    assert.equal(answer.get('state'), this.state);
    assert.equal(answer.get('iss'), this.server.baseUrl);
    return answer;
  }

  /** Redeems the code that came back with the browser. */
  async redeem() {
    const code = (await this.answer()).get('code');
    assert.ok(code, 'no code came back');
    const fields = {
      grant_type: 'authorization_code',
      code,
      client_id: this.clientId,
      redirect_uri: this.redirect.uri,
      code_verifier: this.verifier,
      resource: this.server.mcpUrl,
    };
    this.token = (await post(`${this.server.baseUrl}/token`, { body: new URLSearchParams(fields) })).access_token;
  }

  /** The status and the text of a call of `whoami`. */
  async whoami() {
    const response = await mcpRequest(this.server.mcpUrl, this.token, 'tools/call', { name: 'whoami', arguments: {} });
    return { status: response.status, text: await response.text() };
  }
}
