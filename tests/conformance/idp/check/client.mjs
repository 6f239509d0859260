// A relying party made of `openid-client`, and the listener its answers come back to.

import { createServer } from 'node:http';
import * as oidc from 'openid-client';
import { Browser } from '../../harness.mjs';

/** Takes answers by redirect and by form, and gives them to the client as they came. */
async function listen() {
  const waiting = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<!doctype html><link rel="icon" href="data:,"><h1>Back at the client</h1>');
    const { method, headers, url } = request;
    const body = method === 'POST' ? Buffer.concat(chunks).toString() : undefined;
    const type = { 'content-type': headers['content-type'] ?? 'text/plain' };
    waiting.shift()?.(new Request(new URL(url, uri), { method, headers: type, body }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const uri = `http://127.0.0.1:${server.address().port}/callback`;
  return {
    uri,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function configure(metadata, id, secret) {
  const auth = oidc.ClientSecretPost(secret);
  if (typeof metadata !== 'string') return new oidc.Configuration(metadata, id, undefined, auth);
  return await oidc.discovery(new URL(metadata), id, undefined, auth, { execute: [oidc.allowInsecureRequests] });
}

export class Client {
  /** `metadata` is the provider's document, or the address of one; `walk` answers its pages, else a browser without scripts. */
  static async open(personality, metadata, { clientSecret = personality.client.secret, walk = null } = {}) {
    const redirect = await listen();
    personality.allowRedirect(redirect.uri);
    const config = await configure(metadata, personality.client.id, clientSecret).catch((error) => {
      redirect.close();
      throw error;
    });
    oidc.allowInsecureRequests(config);
    // Else it trusts the connection alone for id tokens that came with a code, as OpenID Connect Core 3.1.3.7 allows.
    oidc.enableNonRepudiationChecks(config);
    return Object.assign(new Client(), { personality, redirect, config, walk, browser: new Browser() });
  }

  /** Asks, has the person answer the pages, and redeems the code. */
  async signIn(person, parameters = {}) {
    const answer = await this.authorize(person, parameters);
    return await this.redeem(answer);
  }

  async authorize(person, { deny = false, ...parameters } = {}) {
    this.checks = {
      pkceCodeVerifier: oidc.randomPKCECodeVerifier(),
      expectedState: oidc.randomState(),
      expectedNonce: parameters.scope?.includes('openid') === false ? undefined : oidc.randomNonce(),
    };
    if (parameters.max_age) this.checks.maxAge = Number(parameters.max_age);
    const asked = oidc.buildAuthorizationUrl(this.config, {
      redirect_uri: this.redirect.uri,
      scope: 'openid email profile',
      state: this.checks.expectedState,
      ...(this.checks.expectedNonce && { nonce: this.checks.expectedNonce }),
      code_challenge: await oidc.calculatePKCECodeChallenge(this.checks.pkceCodeVerifier),
      code_challenge_method: 'S256',
      ...parameters,
    });
    const arrived = this.redirect.next();
    this.pages = [];
    if (this.walk) await this.walk(asked.href, person, { deny });
    else await this.#answer(await this.browser.open(asked), person, deny);
    return await arrived;
  }

  async redeem(answer) {
    const current = answer.method === 'POST' ? answer : new URL(answer.url);
    return await oidc.authorizationCodeGrant(this.config, current, this.checks);
  }

  async refresh(tokens) {
    return await oidc.refreshTokenGrant(this.config, tokens.refresh_token);
  }

  async userinfo(tokens) {
    return await oidc.fetchUserInfo(this.config, tokens.access_token, tokens.claims().sub);
  }

  async #answer(start, person, deny) {
    let page = start;
    while (!page.url.href.startsWith(this.redirect.uri)) {
      const title = page.document.querySelector('h1')?.textContent ?? '';
      this.pages.push(title);
      const forms = page.document.querySelectorAll('form').map((form) => form.getAttribute('action'));
      const [answering] = forms;
      if (!answering) throw new Error(`${page.url} (${page.status}): ${page.document.textContent}`);
      if (answering.endsWith('/login')) page = await page.submit(answering, {}, person);
      else if (answering.endsWith('/consent'))
        page = await page.submit(forms.find((one) => one.endsWith(deny ? '/deny' : '/consent')));
      // The answer, in a form for the client.
      else page = await page.submit(answering);
    }
  }

  close() {
    this.redirect.close();
  }
}
