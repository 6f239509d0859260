// The library as an issuer of assertions. It has two kinds of clients: programs, which get access tokens for themselves, and an
// application whose people sign in, which exchanges their id tokens for ID-JAGs. It knows the gateway as a resource server, by its issuer.

import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';
import { makeKeys } from '../idp/keys.mjs';

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ID_JAG_TYPE = 'urn:ietf:params:oauth:token-type:id-jag';
const ID_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:id_token';

/** Who has an account; the same person as at the gateway, by the address. */
const PERSON = { sub: 'grace-at-acme', email: 'grace@example.org', email_verified: true };

export class Issuer {
  /** What assertions say besides, and their header: changed by tests, applied by the library's own hook before it signs. */
  wish = { header: {}, claims: {} };

  /** On a free port. `name` is what it calls itself, if not by its address. */
  static async start({ name } = {}) {
    const server = createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${server.address().port}`;
    const issuer = Object.assign(new Issuer(), { server, base, name: name ?? base });
    await issuer.#open();
    return issuer;
  }

  async #open() {
    const keys = await makeKeys();
    const jwks = { keys: Object.values(keys).map(({ jwk }) => jwk) };
    this.provider = new Provider(this.name, configuration(this, jwks));
    this.provider.registerGrantType(
      EXCHANGE,
      (ctx) => exchange(this.provider, ctx),
      ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'resource', 'scope'],
    );
    this.provider.on('server_error', (_, error) => console.error(error));
    const library = this.provider.callback();
    this.server.on('request', (request, response) => {
      const answering = request.url.startsWith('/interaction/') ? answer(this.provider, request, response) : library(request, response);
      Promise.resolve(answering).catch((error) => response.destroy(error));
    });
  }

  /** An access token for a program; `audience` is the issuer of the server it is for. */
  async workload(audience, wish = {}) {
    return await this.#with(wish, async () => {
      const { access_token: token } = await this.#post({ grant_type: 'client_credentials', resource: audience }, 'deployer');
      return token;
    });
  }

  /** An ID-JAG for whom this id token is about, at the server of this issuer. */
  async idJag(idToken, audience, wish = {}) {
    return await this.#with(wish, async () => {
      const fields = {
        grant_type: EXCHANGE, requested_token_type: ID_JAG_TYPE, subject_token: idToken, subject_token_type: ID_TOKEN_TYPE, audience, scope: 'connections:read demo:step-up',
      };
      const { access_token: token, issued_token_type: kind } = await this.#post(fields, 'chat');
      if (kind !== ID_JAG_TYPE) throw new Error(`the issuer gave ${kind}`);
      return token;
    });
  }

  async #with({ header = {}, claims = {} }, act) {
    this.wish = { header, claims };
    try {
      return await act();
    } finally {
      this.wish = { header: {}, claims: {} };
    }
  }

  async #post(fields, client) {
    const authorization = `Basic ${Buffer.from(`${client}:secret-of-${client}`).toString('base64')}`;
    const response = await fetch(`${this.base}/token`, { method: 'POST', headers: { authorization }, body: new URLSearchParams(fields) });
    const said = await response.json();
    if (!response.ok) throw new Error(`the issuer says ${JSON.stringify(said)}`);
    return said;
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }
}

function configuration(issuer, jwks) {
  const client = (client_id, more) => ({ client_id, client_secret: `secret-of-${client_id}`, token_endpoint_auth_method: 'client_secret_basic', ...more });
  return {
    jwks,
    clients: [
      client('deployer', { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }),
      client('chat', { grant_types: ['authorization_code', EXCHANGE], redirect_uris: ['http://127.0.0.1:9/callback'], response_types: ['code'] }),
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['a key for cookies of tests'] },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo: (_, resource) => resourceServer(resource) },
    },
    findAccount: (_, sub) => (sub === PERSON.sub ? { accountId: sub, claims: () => PERSON } : undefined),
    // What the library is about to sign as an access token; it signs what comes out of here.
    formats: {
      customizers: {
        jwt(_, __, token) {
          token.header = { ...token.header, ...issuer.wish.header };
          Object.assign(token.payload, issuer.wish.claims);
          for (const [name, value] of Object.entries(token.payload)) if (value === null) delete token.payload[name];
        },
      },
    },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    ttl: { AccessToken: 300, ClientCredentials: 300, AuthorizationCode: 60, Grant: 3600, IdToken: 300, Interaction: 60, Session: 3600 },
  };
}

const resourceServer = (audience) => ({
  audience,
  scope: 'connections:read demo:step-up',
  accessTokenFormat: 'jwt',
  accessTokenTTL: 300,
  jwt: { sign: { alg: 'ES256' } },
});

/** The person says yes to everything, at once. */
async function answer(provider, request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    return await provider.interactionFinished(request, response, { login: { accountId: PERSON.sub } });
  }
  const grant = (grantId && (await provider.Grant.find(grantId))) || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

/**
 * The exchange of an id token for an ID-JAG (draft-ietf-oauth-identity-assertion-authz-grant section 3), which the library does not have:
 * that the id token is its own and this client's it checks itself, and the ID-JAG is an access token of its own with another `typ`.
 */
async function exchange(provider, ctx) {
  const { client, params } = ctx.oidc;
  const { payload } = await provider.IdToken.validate(params.subject_token, client);
  const token = new provider.AccessToken({ accountId: payload.sub, client, gty: 'token_exchange', scope: params.scope, expiresIn: 300 });
  token.resourceServer = new provider.ResourceServer(params.audience, resourceServer(params.audience));
  ctx.body = { access_token: await token.save(), issued_token_type: params.requested_token_type, token_type: 'N_A', expires_in: 300 };
}
