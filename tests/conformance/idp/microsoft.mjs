// Plays Microsoft's identity platform (v2.0) and as much of Graph as a profile picture needs. Tenants stand at the root of
// the address, as at the real authority. The metadata of `common` and `organizations` names a template for an issuer, and
// id tokens name the tenant of whoever signed in. What the real one does otherwise: access tokens for Graph are JWTs, subjects
// differ from client to client, and the issuer of private accounts' keys differs from that of tenants'.

import { CONSUMERS, FOREIGN, WORK, uuidOf } from './people.mjs';

const GRAPH = 'https://graph.microsoft.com';
const OFFLINE = 'offline';

export const microsoft = {
  id: 'microsoft',
  mounts: ['/common', '/organizations', '/consumers', `/${CONSUMERS}`, `/${WORK}`, `/${FOREIGN}`],
  switches: {
    /** Whether id tokens carry the optional claim `email`. */
    emailClaim: true,
    /** Whether they say if the address was verified by its domain's owner: `xms_edov`. */
    edovClaim: false,
    /** Whether people have a picture. */
    photo: true,
    accessTokenTtl: 3599,
  },
  routes: {
    authorization: '/oauth2/v2.0/authorize',
    token: '/oauth2/v2.0/token',
    userinfo: '/oidc/userinfo',
    jwks: '/discovery/v2.0/keys',
  },
  metadataPath: '/v2.0/.well-known/openid-configuration',
  library: {
    scopes: ['openid', OFFLINE, 'User.Read'],
    claims: {
      email: ['email', 'xms_edov'],
      profile: ['name', 'preferred_username', 'oid', 'tid', 'ver', 'given_name', 'family_name', 'picture'],
      openid: ['sub', 'oid', 'tid', 'ver'],
    },
    extraParams: ['domain_hint', 'login_hint'],
    rotateRefreshToken: true,
  },
  /** Asked for by RFC 9207, not sent by Microsoft. */
  sendsIssuer: false,

  offers(person, { mount }) {
    const isPrivate = person.tid === CONSUMERS;
    return { '/common': true, '/organizations': !isPrivate, '/consumers': isPrivate }[mount] ?? person.tid === mount.slice(1);
  },

  /** What the library calls `offline_access` it gives only with prompt=consent; Microsoft gives it to who asks. */
  refreshScope: OFFLINE,

  claims: (person, { switches }) => ({
    sub: `sub-${uuidOf(person, 'abcd').replaceAll('-', '')}`,
    oid: uuidOf(person, 'cafe'),
    tid: person.tid,
    ver: '2.0',
    name: person.name,
    given_name: person.given,
    family_name: person.family,
    // A name to sign in with, which may look like an address and need not be one.
    preferred_username: person.email ?? `${person.key}@private.example`,
    ...(switches.emailClaim && person.email && { email: person.email }),
    ...(switches.edovClaim && person.email && { xms_edov: person.verified }),
  }),

  metadata(library, { base, mount }) {
    const tenant = { '/common': '{tenantid}', '/organizations': '{tenantid}', '/consumers': CONSUMERS }[mount] ?? mount.slice(1);
    return {
      token_endpoint: library.token_endpoint,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
      jwks_uri: library.jwks_uri,
      response_modes_supported: ['query', 'fragment', 'form_post'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
      response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
      issuer: `${base}/${tenant}/v2.0`,
      request_uri_parameter_supported: false,
      userinfo_endpoint: `${base}/graph/oidc/userinfo`,
      authorization_endpoint: library.authorization_endpoint,
      device_authorization_endpoint: `${base}${mount}/oauth2/v2.0/devicecode`,
      http_logout_supported: true,
      frontchannel_logout_supported: true,
      end_session_endpoint: `${base}${mount}/oauth2/v2.0/logout`,
      claims_supported: ['sub', 'iss', 'cloud_instance_name', 'aud', 'exp', 'iat', 'auth_time', 'acr', 'nonce'].concat([
        'preferred_username',
        'name',
        'tid',
        'ver',
        'at_hash',
        'c_hash',
        'email',
      ]),
      tenant_region_scope: null,
      cloud_instance_name: 'microsoftonline.com',
      cloud_graph_host_name: 'graph.windows.net',
      msgraph_host: 'graph.microsoft.com',
    };
  },

  /** Keys name the issuer they are for, which may be a template as well. */
  jwks: (document, { base }) => ({ keys: document.keys.map((key) => ({ ...key, issuer: `${base}/{tenantid}/v2.0` })) }),

  answer: (fields) => (fields.code ? { ...fields, session_state: '0a1b2c3d-0000-4000-8000-000000000000' } : fields),

  token: (body) => ({
    ...body,
    ext_expires_in: body.expires_in,
    scope: body.scope
      ?.split(' ')
      .filter((scope) => scope !== OFFLINE)
      .map((scope) => (scope === 'User.Read' ? `${GRAPH}/User.Read` : scope))
      .join(' '),
  }),

  /** Graph wants its scopes by their long names or by their short ones. */
  request: (params) => {
    const scope = params.get('scope');
    if (scope) params.set('scope', scope.replaceAll(`${GRAPH}/`, '').replace('offline_access', OFFLINE));
  },

  idToken: (claims, { base }) => ({ ...claims, iss: `${base}/${claims.tid}/v2.0` }),
};
