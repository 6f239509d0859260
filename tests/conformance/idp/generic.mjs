// Plays any provider that keeps to the standard: claims come from userinfo alone, answers name their issuer (RFC 9207), the
// code has to be bound to a challenge, and refresh tokens are used once. Nothing here is changed by the shim.

import { uuidOf } from './people.mjs';

export const generic = {
  id: 'generic',
  mounts: ['/generic'],
  switches: { accessTokenTtl: 3600 },
  routes: {},
  library: {
    scopes: ['openid', 'offline_access'],
    claims: { email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name', 'picture'] },
    extraParams: ['login_hint'],
    rotateRefreshToken: true,
    conformIdTokenClaims: true,
    pkce: { required: () => true },
  },
  offers: () => true,
  refreshScope: 'offline_access',
  claims: (person, { base }) => ({
    sub: uuidOf(person, 'beef'),
    ...(person.email && { email: person.email, email_verified: person.verified }),
    name: person.name,
    given_name: person.given,
    family_name: person.family,
    picture: `${base}/pictures/${person.key}/96`,
  }),
};
