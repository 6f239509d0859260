// What an id token or an answer may be turned into, by name. A tampering of id tokens gets header and claims and says how to
// sign; one of answers gets the fields that go back with the browser.

import { createHmac, sign } from 'node:crypto';

const changed =
  (change) =>
  ({ claims, ...token }) => ({ ...token, claims: change(claims) });
const without = (name) => changed(({ [name]: _, ...claims }) => claims);
const headed =
  (change) =>
  ({ header, ...token }) => ({ ...token, header: { ...header, ...change } });
const seconds = () => Math.floor(Date.now() / 1000);

export const ID_TOKEN = {
  'signature broken': (token) => ({
    ...token,
    sign: (data) => {
      const signature = token.sign(data);
      signature[10] ^= 1;
      return signature;
    },
  }),
  'signature missing': (token) => ({ ...token, sign: () => Buffer.alloc(0) }),
  'key of somebody else': (token, { foreignKey }) => ({
    ...token,
    sign: (data) => sign('sha256', data, { key: foreignKey[token.header.alg].key, dsaEncoding: 'ieee-p1363' }),
  }),
  'key id unknown': headed({ kid: 'nobody-knows' }),
  'key id missing': headed({ kid: undefined }),
  'algorithm none': (token) => ({ ...headed({ alg: 'none', kid: undefined })(token), sign: () => Buffer.alloc(0) }),
  // The published key, taken for the secret of a symmetric algorithm.
  'algorithm HS256 by public key': (token, { publicPem }) => ({
    ...headed({ alg: 'HS256' })(token),
    sign: (data) => createHmac('sha256', publicPem).update(data).digest(),
  }),
  'nonce missing': without('nonce'),
  'nonce wrong': changed((claims) => ({ ...claims, nonce: 'of another sign-in' })),
  'issuer wrong': changed((claims) => ({ ...claims, iss: 'http://127.0.0.1:1/evil' })),
  'issuer missing': without('iss'),
  'issuer as template': changed((claims) => ({ ...claims, iss: claims.iss.replace(claims.tid ?? 'nothing', '{tenantid}') })),
  'issuer without scheme': changed((claims) => ({ ...claims, iss: claims.iss.replace(/^https?:\/\//, '') })),
  'issuer with slash': changed((claims) => ({ ...claims, iss: `${claims.iss}/` })),
  'tenant of somebody else': changed((claims) => ({ ...claims, tid: '33333333-aaaa-4bbb-8ccc-333333333333' })),
  'tenant missing': without('tid'),
  'audience wrong': changed((claims) => ({ ...claims, aud: 'another client' })),
  'audience missing': without('aud'),
  'audience with strangers': changed((claims) => ({ ...claims, aud: [claims.aud, 'another client'], azp: 'another client' })),
  'audience as list': changed((claims) => ({ ...claims, aud: [claims.aud] })),
  'azp wrong': changed((claims) => ({ ...claims, azp: 'another client' })),
  expired: changed((claims) => ({ ...claims, iat: seconds() - 7200, exp: seconds() - 3600 })),
  'expiry missing': without('exp'),
  'issued tomorrow': changed((claims) => ({ ...claims, iat: seconds() + 86_400, exp: seconds() + 90_000 })),
  'subject missing': without('sub'),
  'subject empty': changed((claims) => ({ ...claims, sub: '' })),
  'subject of somebody else': changed((claims) => ({ ...claims, sub: 'somebody else' })),
  'at_hash wrong': changed((claims) => ({ ...claims, at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' })),
  'auth_time long ago': changed((claims) => ({ ...claims, auth_time: seconds() - 864_000 })),
};

/** Of the token endpoint's whole answer. */
export const TOKEN = {
  'id token missing': ({ id_token: _, ...body }) => body,
  'id token no JWT': (body) => ({ ...body, id_token: 'not.a.jwt' }),
  'access token missing': ({ access_token: _, ...body }) => body,
  'token type strange': (body) => ({ ...body, token_type: 'mac' }),
  'lifetime missing': ({ expires_in: _, ...body }) => body,
  'lifetime as text': (body) => ({ ...body, expires_in: String(body.expires_in) }),
};

/** Of what goes back with the browser. */
export const ANSWER = {
  'state missing': ({ state: _, ...fields }) => fields,
  'state wrong': (fields) => ({ ...fields, state: 'of another browser' }),
  'code missing': ({ code: _, ...fields }) => fields,
  'code wrong': (fields) => ({ ...fields, code: 'made-up' }),
  'iss missing': ({ iss: _, ...fields }) => fields,
  'iss of somebody else': (fields) => ({ ...fields, iss: 'http://127.0.0.1:1/evil' }),
  'error access_denied': ({ state }) => ({ error: 'access_denied', error_description: 'No.', state }),
  'error server_error': ({ state }) => ({ error: 'server_error', state }),
  'error temporarily_unavailable': ({ state }) => ({ error: 'temporarily_unavailable', state }),
  // Whatever is shown of this has to be shown as text.
  'error with markup': ({ state }) => ({ error: '<script>alert(1)</script>', error_description: '<b>bold</b>', state }),
};

/** Of the metadata document. */
export const METADATA = {
  'metadata issuer wrong': (document) => ({ ...document, issuer: 'http://127.0.0.1:1/evil' }),
  'metadata without token endpoint': ({ token_endpoint: _, ...document }) => document,
};

export const TABLES = { idToken: ID_TOKEN, token: TOKEN, answer: ANSWER, metadata: METADATA };

/** Which kind of message a tampering belongs to. */
export function kindOf(name) {
  const kind = Object.keys(TABLES).find((one) => Object.hasOwn(TABLES[one], name));
  if (!kind) throw new Error(`there is no tampering called ${name}`);
  return kind;
}
