// Plays Apple: the client's secret is a JWT it signs itself, answers are posted, there is no userinfo, and a person's name
// comes once, beside the first code, in a field `user`.

import { createPublicKey, verify } from 'node:crypto';
import { readJwt } from './keys.mjs';

export const TEAM = 'TEAM123456';

export const apple = {
  id: 'apple',
  mounts: ['/apple'],
  switches: { emailVerifiedAsString: true, hidesEmail: false, accessTokenTtl: 3600 },
  routes: { authorization: '/auth/authorize', token: '/auth/token', jwks: '/auth/keys', revocation: '/auth/revoke' },
  library: {
    scopes: ['openid', 'name'],
    claims: { email: ['email', 'email_verified', 'is_private_email'], name: [] },
    extraParams: [],
    rotateRefreshToken: false,
  },
  sendsIssuer: false,
  offers: () => true,
  grantsRefresh: () => true,

  claims(person, { switches }) {
    const say = (value) => (switches.emailVerifiedAsString ? String(value) : value);
    const email = switches.hidesEmail ? `${person.key}x7@privaterelay.example` : person.email;
    return {
      sub: `00${1000 + person.number}.${String(person.number).repeat(32)}.0001`,
      ...(email && { email, email_verified: say(switches.hidesEmail || person.verified) }),
      ...(email && switches.hidesEmail && { is_private_email: say(true) }),
    };
  },

  metadata: (library) => ({
    issuer: library.issuer,
    authorization_endpoint: library.authorization_endpoint,
    token_endpoint: library.token_endpoint,
    revocation_endpoint: library.revocation_endpoint,
    jwks_uri: library.jwks_uri,
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'name'],
    token_endpoint_auth_methods_supported: ['client_secret_post'],
    claims_supported: [
      'aud',
      'email',
      'email_verified',
      'exp',
      'iat',
      'is_private_email',
      'iss',
      'nonce',
      'nonce_supported',
    ].concat(['real_user_status', 'sub', 'transfer_sub']),
  }),

  request(params) {
    const scopes = (params.get('scope') ?? '').split(' ').filter(Boolean);
    if (!scopes.includes('openid')) params.set('scope', ['openid', ...scopes].join(' '));
  },

  /** Turns a good JWT into the secret the library knows; whatever else came stays as it is and is refused. */
  clientSecret(secret, { base, client }) {
    if (secret.split('.').length !== 3) return secret;
    const { header, claims } = readJwt(secret);
    const signed = secret.slice(0, secret.lastIndexOf('.'));
    const key = { key: createPublicKey(client.signingKey.key), dsaEncoding: 'ieee-p1363' };
    const signature = Buffer.from(secret.slice(signed.length + 1), 'base64url');
    const now = Date.now() / 1000;
    const isGood =
      header.alg === 'ES256' &&
      header.kid === client.signingKey.kid &&
      verify('sha256', Buffer.from(signed), key, signature) &&
      claims.iss === TEAM &&
      claims.sub === client.id &&
      claims.aud === `${base}/apple` &&
      claims.exp > now &&
      claims.exp <= now + 15_777_000;
    return isGood ? client.secret : 'not the secret';
  },

  answer(fields, { person, once }) {
    if (!fields.code || !person || !once(`user ${person.key}`)) return fields;
    return {
      ...fields,
      user: JSON.stringify({ name: { firstName: person.given, lastName: person.family }, email: person.email }),
    };
  },

  idToken: (claims) => ({ ...claims, nonce_supported: true }),
};
