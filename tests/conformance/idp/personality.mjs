// One provider that is played: its library providers (one a tenant), its clients, and what tests may do to it.

import { makeKeys } from './keys.mjs';
import { makeProvider } from './library.mjs';
import { Pages } from './pages.mjs';
import { PEOPLE } from './people.mjs';
import { TABLES, kindOf } from './tamper.mjs';

const NAMES = { google: 'Google', microsoft: 'Microsoft', generic: 'Example ID', github: 'GitHub', apple: 'Apple' };

export class Personality {
  #always = [];
  #faults = [];
  #next = [];
  #offline = new Set();
  #said = new Set();

  static async start(description, base) {
    const personality = new Personality();
    const [keys, foreignKeys] = await Promise.all([makeKeys(), makeKeys()]);
    const client = { id: `${description.id}-client`, secret: `${description.id}-secret-of-tests`, redirectUris: [] };
    const parts = { description, base, keys, foreignKeys, memory: new Map(), clients: new Map([[client.id, client]]), client };
    Object.assign(personality, parts, { pages: new Pages(NAMES[description.id]), alg: 'RS256', seen: {} });
    client.signingKey = foreignKeys.ES256;
    personality.reset();
    personality.#makeProviders();
    return personality;
  }

  #makeProviders() {
    const { base, description } = this;
    this.providers = new Map(description.mounts.map((mount) => [mount, makeProvider(this, `${base}${mount}`)]));
  }

  // ---- for tests, in process or by way of /control --------------------------------------------------------------------

  /** Back to good behaviour, with all counts at zero. Clients, sessions and keys stay. */
  reset() {
    this.switches = { auto: null, ...this.description.switches };
    this.counts = {};
    this.seen = {};
    this.#always = [];
    this.#next = [];
    this.#faults = [];
  }

  /** Changes switches; `auto: { person, deny }` answers the pages by itself, for clients without a browser. */
  set(switches) {
    for (const name of Object.keys(switches)) {
      if (!Object.hasOwn(this.switches, name)) throw new Error(`${this.description.id} has no switch ${name}`);
    }
    Object.assign(this.switches, switches);
  }

  /** Tampers with the next message of the kind the named tampering (tamper.mjs) is for. */
  next(name) {
    this.#next.push({ name, kind: kindOf(name) });
  }

  /** The same with every message, until `reset`. */
  always(name) {
    this.#always.push({ name, kind: kindOf(name) });
  }

  /** How many tamperings still wait for their message. */
  get pending() {
    return this.#next.length;
  }

  /**
   * Lets an endpoint (metadata, jwks, authorize, token, userinfo, revocation, api, photo, or * for all) answer this
   * instead: `{ status, headers, body, delayMs, times }`. With `delayMs` alone it answers late.
   */
  fault(endpoint, what) {
    this.#faults.push({ endpoint, times: Infinity, ...what });
  }

  /** New keys; with `keepOld` the old ones stay published. `alg` is what id tokens are signed with from now on. */
  async rotateKeys({ alg = this.alg, keepOld = false } = {}) {
    const old = keepOld ? Object.fromEntries(Object.entries(this.keys).map(([name, key]) => [`${name} of old`, key])) : {};
    this.keys = { ...(await makeKeys()), ...old };
    this.alg = alg;
    this.#makeProviders();
    return this.keys[alg].kid;
  }

  /** Lets the client of tests come back to this address, as an operator registers it. */
  allowRedirect(uri, clientId = this.client.id) {
    this.clients.get(clientId).redirectUris.push(uri);
  }

  /** A further client; without a secret it is a public one. */
  addClient({ id, secret, redirectUris = [] }) {
    this.clients.set(id, { id, secret, redirectUris, signingKey: this.foreignKeys.ES256 });
  }

  /** Ends everybody's session here: the next sign-in asks who it is. */
  forgetSessions() {
    for (const key of this.memory.keys()) if (/^(Session|sessionUid):/.test(key)) this.memory.delete(key);
  }

  // ---- for the library ------------------------------------------------------------------------------------------------

  clientMetadata(id) {
    const client = this.clients.get(id);
    if (!client || client.redirectUris.length === 0) return undefined;
    return {
      client_id: id,
      client_name: 'The gateway under test',
      ...(client.secret ? { client_secret: client.secret } : {}),
      token_endpoint_auth_method: client.secret ? 'client_secret_post' : 'none',
      redirect_uris: client.redirectUris,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: this.alg,
    };
  }

  claimsOf(person) {
    return this.description.claims(person, { base: this.base, switches: this.switches });
  }

  /** Whose subject this is. */
  personOf(sub) {
    return PEOPLE.find((one) => this.claimsOf(one).sub === sub);
  }

  markOffline(grantId) {
    this.#offline.add(grantId);
  }

  /** Whether a consent to offline access was given for this grant and not used yet. */
  takeOffline(grantId) {
    return this.#offline.delete(grantId);
  }

  // ---- for the shim ---------------------------------------------------------------------------------------------------

  count(endpoint) {
    this.counts[endpoint] = (this.counts[endpoint] ?? 0) + 1;
  }

  take(kind) {
    const now = this.#next.filter((one) => one.kind === kind);
    // Those that were ordered first come first, one a message.
    const [first] = now;
    if (first) this.#next.splice(this.#next.indexOf(first), 1);
    const names = [...this.#always.filter((one) => one.kind === kind), ...(first ? [first] : [])];
    return names.map(({ name }) => TABLES[kind][name]);
  }

  takeFault(endpoint) {
    const found = this.#faults.find((one) => one.times > 0 && ['*', endpoint].includes(one.endpoint));
    if (found) found.times -= 1;
    return found;
  }

  /** True the first time only. */
  once(what) {
    const isNew = !this.#said.has(what);
    this.#said.add(what);
    return isNew;
  }

  isRedirectUri(location) {
    const { origin, pathname } = new URL(location, this.base);
    return [...this.clients.values()].some(({ redirectUris }) => redirectUris.includes(origin + pathname));
  }

  /** All that its person has granted by now to whom a code was given. */
  async grantedWithCode(provider, code) {
    const found = code ? await provider.AuthorizationCode.find(code) : undefined;
    const grant = found ? await provider.Grant.find(found.grantId) : undefined;
    return grant ? grant.getOIDCScope().split(' ') : [];
  }

  async personOfCode(provider, code) {
    const found = await provider.AuthorizationCode.find(code);
    return found ? this.personOf(found.accountId) : null;
  }
}
