// The official TypeScript SDKs: 1.x, and 2.x in both eras of the protocol. Each comes without any credential, finds out
// everything from the 401 on, and lives through the end of its access token.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import * as v2 from '@modelcontextprotocol/client';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { isRefused, listenForRedirect, until } from '../harness.mjs';

const V1 = {
  Client,
  StreamableHTTPClientTransport,
  UnauthorizedError,
  // This line leaves the check of `iss` to the application.
  finish: (transport, answer) => transport.finishAuth(answer.get('code')),
};
const V2 = { ...v2, finish: (transport, answer) => transport.finishAuth(answer) };

export const TYPESCRIPT = [
  { label: 'TypeScript SDK 1.x', sdk: V1, options: {}, revision: '2025-11-25', stepsUp: false },
  { label: 'TypeScript SDK 2.x, legacy', sdk: V2, options: {}, revision: '2025-11-25', stepsUp: true },
  {
    label: 'TypeScript SDK 2.x, modern',
    sdk: V2,
    options: { versionNegotiation: { mode: 'auto' } },
    revision: '2026-07-28',
    stepsUp: true,
  },
];

/** What an application keeps for the SDK. Everything is in memory, and the browser is a person of the harness. */
class Provider {
  registrations = 0;
  redirects = 0;

  constructor(label, redirect, person) {
    Object.assign(this, { label, redirect, person });
  }

  get redirectUrl() {
    return this.redirect.uri;
  }

  get clientMetadata() {
    return {
      client_name: this.label,
      redirect_uris: [this.redirect.uri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  state() {
    this.expectedState = randomUUID();
    return this.expectedState;
  }

  clientInformation() {
    return this.client;
  }

  saveClientInformation(client) {
    this.registrations += 1;
    this.client = client;
  }

  tokens() {
    return this.saved;
  }

  saveTokens(tokens) {
    this.saved = tokens;
  }

  saveDiscoveryState(found) {
    this.found = found;
  }

  discoveryState() {
    return this.found;
  }

  saveCodeVerifier(verifier) {
    this.verifier = verifier;
  }

  codeVerifier() {
    return this.verifier;
  }

  async redirectToAuthorization(url) {
    this.redirects += 1;
    await this.person.authorize(url);
  }
}

/**
 * The application around one SDK: what it keeps, how it connects, what it does when the SDK has sent `person` away. `person`
 * answers consent pages. `fetch` is what the SDK reaches the world with.
 */
export async function application(server, { label, sdk, options, fetch = globalThis.fetch }, person) {
  const redirect = await listenForRedirect();
  const provider = new Provider(label, redirect, person);
  const dial = () => {
    const client = new sdk.Client({ name: 'belgie-conformance', version: '1.0.0' }, options);
    const transport = new sdk.StreamableHTTPClientTransport(new URL(server.mcpUrl), { authProvider: provider, fetch });
    return { client, transport, done: client.connect(transport) };
  };
  // The application's part when the SDK has sent the person away: wait for the redirect, compare, hand it over.
  const finish = async (transport) => {
    const answer = await redirect.next();
    assert.equal(answer.get('state'), provider.expectedState);
    assert.equal(answer.get('iss'), server.baseUrl);
    await sdk.finish(transport, answer);
  };
  return { redirect, provider, dial, finish };
}

/** One SDK from the first 401 to a call after a refresh. */
export async function typescript(report, server, kind) {
  const { label, sdk, revision, stepsUp } = kind;
  const person = await server.person(label.replaceAll(/[^a-z0-9]+/gi, '-'));
  const { redirect, provider, dial, finish } = await application(server, kind, person);
  const call = async (client, name, args = {}) => {
    const result = await client.callTool({ name, arguments: args });
    assert.ok(!result.isError, JSON.stringify(result));
    return result;
  };
  const echo = async (client, text) => assert.equal((await call(client, 'echo', { text })).content[0].text, text);

  const connected = await report.check(`${label}: from the 401 through discovery, registration and consent`, async () => {
    const first = dial();
    await assert.rejects(first.done, sdk.UnauthorizedError);
    await finish(first.transport);
    assert.deepEqual([provider.registrations > 0, provider.redirects], [true, 1]);
    assert.ok(provider.saved.refresh_token, 'no refresh token was issued');
    const second = dial();
    await second.done;
    return second;
  });
  if (!connected) return redirect.close();
  const { client, transport } = connected;

  await report.check(`${label}: lists and calls tools as ${person.email}`, async () => {
    const { tools } = await client.listTools();
    const names = tools.map((tool) => tool.name);
    assert.ok(names.includes('whoami') && names.includes('echo'), names.join());
    const { structuredContent, content } = await call(client, 'whoami');
    assert.ok(JSON.stringify(structuredContent ?? content).includes(person.email));
    await echo(client, 'grüezi');
    const spoken = transport.protocolVersion ?? client.getNegotiatedProtocolVersion?.();
    assert.equal(spoken, revision);
  });

  if (stepsUp) {
    await report.check(`${label}: steps up when a tool needs a scope it has not`, async () => {
      await assert.rejects(call(client, 'step_up'), sdk.UnauthorizedError);
      await finish(transport);
      await call(client, 'step_up');
      await echo(client, 'still here');
      assert.equal(provider.redirects, 2);
    });
  }

  await report.check(`${label}: refreshes an expired token without asking anybody`, async () => {
    const { access_token: old, refresh_token: used } = provider.saved;
    const redirects = provider.redirects;
    await until('the access token expires', () => isRefused(server.mcpUrl, old));
    await echo(client, 'later');
    assert.notEqual(provider.saved.access_token, old);
    assert.notEqual(provider.saved.refresh_token, used, 'the refresh token was not rotated');
    assert.equal(provider.redirects, redirects, 'the person was asked again');
  });

  await report.check(`${label}: ends its session`, async () => {
    await transport.terminateSession();
    await client.close();
  });
  redirect.close();
}
