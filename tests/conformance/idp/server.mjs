// One server on the loopback interface, with every provider on it.

import { createServer } from 'node:http';
import { githubApi, graph } from './api.mjs';
import { TEAM, apple } from './apple.mjs';
import { generic } from './generic.mjs';
import { github } from './github.mjs';
import { google } from './google.mjs';
import { interact } from './interaction.mjs';
import { microsoft } from './microsoft.mjs';
import { CONSUMERS, FOREIGN, PEOPLE, WORK, byKey } from './people.mjs';
import { Personality } from './personality.mjs';
import { picture } from './pictures.mjs';
import { capture, json, readBody, replay, send } from './request.mjs';
import { dress, fault } from './shim.mjs';

const LIBRARY_METADATA = '/.well-known/openid-configuration';
const LIBRARY_ROUTES = {
  authorization: '/auth',
  token: '/token',
  userinfo: '/me',
  jwks: '/jwks',
  revocation: '/token/revocation',
};
const ENDPOINTS = { authorization: 'authorize', token: 'token', userinfo: 'userinfo', jwks: 'jwks', revocation: 'revocation' };
const CONTROLS = ['reset', 'set', 'next', 'always', 'fault', 'rotateKeys', 'allowRedirect', 'addClient', 'forgetSessions'];

/**
 * Starts all providers on a free port. What comes back has one `Personality` for each, by id. By the name `localhost` they are
 * another site than a gateway at 127.0.0.1.
 */
export async function startIdp(host = '127.0.0.1') {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://${host}:${server.address().port}`;
  const started = await Promise.all([google, microsoft, generic, github, apple].map((one) => Personality.start(one, base)));
  const idp = new Idp({ base, server, personalities: started });
  server.on('request', (request, response) => {
    idp.handle(request, response).catch((error) => {
      console.error(error);
      if (!response.headersSent) send(response, json({ error: String(error) }, 500));
    });
  });
  return idp;
}

class Idp {
  constructor({ base, server, personalities }) {
    Object.assign(this, { base, server, personalities });
    for (const personality of personalities) this[personality.description.id] = personality;
  }

  /** What a gateway's operator would be told by each provider. */
  get addresses() {
    const { base } = this;
    const of = ({ client }) => ({ client_id: client.id, client_secret: client.secret });
    const { kid: key_id, key } = this.apple.client.signingKey;
    return {
      base,
      control: `${base}/control`,
      google: { ...of(this.google), discovery_url: `${base}/google${LIBRARY_METADATA}` },
      microsoft: {
        ...of(this.microsoft),
        authority: base,
        graph_url: `${base}/graph/v1.0`,
        tenants: { consumers: CONSUMERS, work: WORK, foreign: FOREIGN },
      },
      generic: { ...of(this.generic), issuer: `${base}/generic`, discovery_url: `${base}/generic${LIBRARY_METADATA}` },
      github: {
        ...of(this.github),
        authorization_endpoint: `${base}/github${github.routes.authorization}`,
        token_endpoint: `${base}/github${github.routes.token}`,
        api_url: `${base}/github/api`,
        userinfo_endpoint: `${base}/github/api/user`,
      },
      apple: {
        ...of(this.apple),
        discovery_url: `${base}/apple${LIBRARY_METADATA}`,
        team_id: TEAM,
        key_id,
        private_key: key.export({ type: 'pkcs8', format: 'pem' }),
      },
      people: PEOPLE.map(({ key: person, name, email, verified }) => ({ key: person, name, email, verified })),
    };
  }

  /** Registers the callback addresses of a gateway, as its operator does at every provider. */
  expect(gatewayUrl) {
    for (const one of this.personalities) one.allowRedirect(`${gatewayUrl}/auth/provider/${one.description.id}/callback`);
  }

  /** Everybody behaves again. */
  reset() {
    for (const one of this.personalities) one.reset();
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }

  async handle(request, response) {
    const { pathname } = new URL(request.url, this.base);
    if (pathname === '/favicon.ico') return send(response, { status: 204 });
    if (pathname === '/control') return send(response, await this.#control(request));
    const [, key, size] = /^\/pictures\/(\w+)\/(\d+)$/.exec(pathname) ?? [];
    if (key && byKey(key)) {
      return send(response, { status: 200, headers: { 'content-type': 'image/png' }, body: picture(byKey(key), Number(size)) });
    }
    if (pathname === '/graph/oidc/userinfo') return await this.#library(this.#place('/common/oidc/userinfo'), request, response);
    if (pathname.startsWith('/graph/'))
      return await this.#api(this.microsoft, 'photo', graph, pathname.slice(6), request, response);
    if (pathname.startsWith('/github/api/'))
      return await this.#api(this.github, 'api', githubApi, pathname.slice(11), request, response);
    const place = this.#place(pathname);
    if (!place) return send(response, json({ error: 'nothing here' }, 404));
    if (place.inner.startsWith('/interaction/')) {
      return await interact(
        place,
        place.inner.split('/').slice(2),
        replay(request, { mount: place.mount, url: place.inner }),
        response,
      );
    }
    return await this.#library(place, request, response);
  }

  /** Whose address this is, and the rest of it. */
  #place(pathname) {
    for (const personality of this.personalities) {
      for (const [mount, provider] of personality.providers) {
        if (pathname.startsWith(`${mount}/`)) return { personality, mount, provider, inner: pathname.slice(mount.length) };
      }
    }
    return null;
  }

  async #api(personality, endpoint, answer, path, request, response) {
    personality.count(endpoint);
    return send(response, (await fault(personality, endpoint)) ?? (await answer(personality, path, request)));
  }

  async #library({ personality, mount, provider, inner }, request, response) {
    const { description, switches } = personality;
    const endpoint = endpointOf(description, inner);
    if (!endpoint) return send(response, json({ error: 'nothing here' }, 404));
    personality.count(endpoint);
    const failure = await fault(personality, endpoint);
    if (failure) return send(response, failure);
    const context = { base: this.base, mount, provider, switches, request };
    const asked = await this.#ask({ personality, mount, inner, endpoint }, request);
    const answer = await capture(provider.callback(), asked, response);
    return send(response, await dress(personality, endpoint, answer, context));
  }

  /** The request as the library is to see it. */
  async #ask({ personality, mount, inner, endpoint }, request) {
    const { description } = personality;
    const { search, searchParams } = new URL(request.url, this.base);
    if (endpoint === 'metadata') return replay(request, { mount, url: LIBRARY_METADATA });
    if (endpoint === 'authorize' && searchParams.size > 0) {
      personality.seen.authorize = Object.fromEntries(searchParams);
      description.request?.(searchParams);
      return replay(request, { mount, url: `${inner}?${searchParams}` });
    }
    if (endpoint !== 'token') return replay(request, { mount, url: inner + search });
    const form = new URLSearchParams(await readBody(request));
    personality.seen.token = Object.fromEntries(form);
    personality.count(`token ${form.get('grant_type')}`);
    const client = personality.clients.get(form.get('client_id'));
    if (client && form.has('client_secret') && description.clientSecret) {
      form.set('client_secret', description.clientSecret(form.get('client_secret'), { base: this.base, client }));
    }
    description.request?.(form);
    return replay(request, { mount, url: inner, body: form.toString() });
  }

  /** `POST { personality, call, arguments }` does to a personality what tests in this process do; GET only looks. */
  async #control(request) {
    const asked = request.method === 'POST' ? JSON.parse(await readBody(request)) : {};
    const { personality: id, call, arguments: given = [] } = asked;
    if (call === 'expect') this.expect(...given);
    else if (call) {
      const target = this.personalities.find(({ description }) => description.id === id);
      if (!target || !CONTROLS.includes(call)) return json({ error: `no ${id}.${call}` }, 400);
      try {
        await target[call](...given);
      } catch (error) {
        return json({ error: error.message }, 400);
      }
    }
    const states = this.personalities.map((one) => {
      const { counts, seen, switches, pending } = one;
      return [one.description.id, { counts, seen, switches, pending }];
    });
    return json(Object.fromEntries(states));
  }
}

/** What an address inside a mount is for; `null` where the provider that is played has nothing. */
function endpointOf(description, inner) {
  const { metadataPath = LIBRARY_METADATA } = description;
  if (inner === metadataPath) return 'metadata';
  const routes = { ...LIBRARY_ROUTES, ...description.routes };
  // The library comes back to the authorization endpoint, one level deeper, when the person has answered.
  if (inner.startsWith(`${routes.authorization}/`)) return 'authorize';
  // It ends the session of the one person before that of another begins.
  if (inner === '/session/end/confirm') return 'switch';
  const [name] = Object.entries(routes).find(([, path]) => path === inner) ?? [];
  return name ? ENDPOINTS[name] : null;
}
