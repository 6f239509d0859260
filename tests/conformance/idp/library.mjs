// How the library, npm `oidc-provider`, is configured. What it answers is what a provider nobody here wrote answers; what
// this project does to it stands in shim.mjs.

import { Provider, interactionPolicy } from 'oidc-provider';
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';

const { Prompt, base: basePolicy } = interactionPolicy;

/** One provider of the library at `issuer`, over the personality's memory and with its keys of the moment. */
export function makeProvider(personality, issuer) {
  const { description, keys, memory } = personality;
  const { scopes, claims, extraParams, rotateRefreshToken, conformIdTokenClaims = false, pkce } = description.library;
  const mount = new URL(issuer).pathname;
  const provider = new Provider(issuer, {
    adapter: (model) => new Adapter(model, memory, personality),
    jwks: { keys: Object.values(keys).map(({ jwk }) => jwk) },
    scopes,
    claims: { openid: ['sub'], ...claims },
    extraParams,
    rotateRefreshToken,
    conformIdTokenClaims,
    pkce: pkce ?? { required: (_, client) => client.clientAuthMethod === 'none' },
    responseTypes: ['code'],
    routes: description.routes,
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: true },
    },
    cookies: {
      keys: ['a key for cookies of tests'],
      // All providers are one host to a browser.
      names: Object.fromEntries(['session', 'interaction', 'resume'].map((kind) => [kind, `idp_${description.id}_${kind}`])),
    },
    interactions: { policy: withAccountChooser(), url: (_, { uid }) => `${mount}/interaction/${uid}` },
    ttl: {
      AccessToken: () => personality.switches.accessTokenTtl,
      AuthorizationCode: 60,
      Grant: 86_400,
      IdToken: 3600,
      Interaction: 600,
      RefreshToken: 86_400,
      Session: 86_400,
    },
    issueRefreshToken: (_, __, source) => source.scopes.has(description.refreshScope) || personality.takeOffline(source.grantId),
    expiresWithSession: () => false,
    findAccount: (_, sub) =>
      personality.personOf(sub) && { accountId: sub, claims: () => personality.claimsOf(personality.personOf(sub)) },
    clientBasedCORS: () => false,
    renderError: (ctx, out) => {
      ctx.type = 'html';
      ctx.body = personality.pages.failure(out);
    },
  });
  // The library tells nobody what went wrong inside it but those who listen.
  provider.on('server_error', (_, error) => console.error(error));
  return provider;
}

/** `prompt=select_account`, which the library leaves to others. */
function withAccountChooser() {
  const policy = basePolicy();
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0);
  return policy;
}

/** The library's own memory, but for clients: those are registered with the personality, at any time. */
class Adapter extends MemoryAdapter {
  constructor(model, memory, personality) {
    super(model, memory);
    this.personality = personality;
  }

  async find(id) {
    return this.model === 'Client' ? this.personality.clientMetadata(id) : await super.find(id);
  }
}
