// Plays Google. What the real one does otherwise: its endpoints live on four hosts, its issuer is
// https://accounts.google.com (older tokens say accounts.google.com), and with include_granted_scopes the access token can
// do what was granted earlier, where this one's only says so.

import { createHash } from 'node:crypto';

const CALENDAR = 'https://www.googleapis.com/auth/calendar.readonly';
const LONG = {
  email: 'https://www.googleapis.com/auth/userinfo.email',
  profile: 'https://www.googleapis.com/auth/userinfo.profile',
};

/** 21 digits, beginning with 1. */
const subOf = (person) =>
  `1${BigInt(`0x${createHash('sha256').update(person.key).digest('hex')}`)
    .toString()
    .slice(-20)}`;

export const google = {
  id: 'google',
  mounts: ['/google'],
  switches: {
    /** Say "true" and "false" where the standard wants true and false. */
    emailVerifiedAsString: false,
    /** Real Google takes `hd` for a hint: with this, people of other domains are offered all the same. */
    ignoresHostedDomain: false,
    /** Seconds an access token lives. */
    accessTokenTtl: 3599,
  },
  routes: {
    authorization: '/o/oauth2/v2/auth',
    token: '/token',
    userinfo: '/v1/userinfo',
    jwks: '/oauth2/v3/certs',
    revocation: '/revoke',
  },
  library: {
    scopes: ['openid', CALENDAR],
    claims: { email: ['email', 'email_verified', 'hd'], profile: ['name', 'picture', 'given_name', 'family_name'] },
    extraParams: ['access_type', 'include_granted_scopes', 'hd', 'login_hint'],
    rotateRefreshToken: false,
  },

  /** Which people the account chooser offers. */
  offers: (person, { params, switches }) =>
    !params.hd || switches.ignoresHostedDomain || (params.hd === '*' ? person.hd : person.hd === params.hd),

  /** A refresh token comes with a consent that was asked for offline access, and never silently. */
  grantsRefresh: (params) => params.access_type === 'offline',

  claims(person, { base, switches }) {
    const verified = switches.emailVerifiedAsString ? String(person.verified) : person.verified;
    return {
      sub: subOf(person),
      ...(person.email && { email: person.email, email_verified: verified }),
      ...(person.hd && { hd: person.hd }),
      name: person.name,
      picture: `${base}/pictures/${person.key}/96`,
      given_name: person.given,
      family_name: person.family,
    };
  },

  metadata: (library) => ({
    issuer: library.issuer,
    authorization_endpoint: library.authorization_endpoint,
    device_authorization_endpoint: library.issuer.concat('/device/code'),
    token_endpoint: library.token_endpoint,
    userinfo_endpoint: library.userinfo_endpoint,
    revocation_endpoint: library.revocation_endpoint,
    jwks_uri: library.jwks_uri,
    response_types_supported: [
      'code',
      'token',
      'id_token',
      'code token',
      'code id_token',
      'token id_token',
      'code token id_token',
      'none',
    ],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'profile'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    claims_supported: [
      'aud',
      'email',
      'email_verified',
      'exp',
      'family_name',
      'given_name',
      'iat',
      'iss',
      'name',
      'picture',
      'sub',
    ],
    code_challenge_methods_supported: ['plain', 'S256'],
    grant_types_supported: [
      'authorization_code',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:device_code',
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
    ],
    authorization_response_iss_parameter_supported: true,
  }),

  /** Google says more than was asked for; clients have to overlook it. */
  answer: (fields, { person }) =>
    fields.code
      ? { ...fields, scope: 'email profile openid', authuser: '0', ...(person?.hd && { hd: person.hd }), prompt: 'consent' }
      : fields,

  token(body, { granted, wished }) {
    if (!body.scope) return body;
    const scopes = new Set([...body.scope.split(' '), ...(wished.include_granted_scopes === 'true' ? granted : [])]);
    return { ...body, scope: [...scopes].map((scope) => LONG[scope] ?? scope).join(' ') };
  },

  idToken: (claims) => ({ azp: claims.aud, ...claims }),
};
