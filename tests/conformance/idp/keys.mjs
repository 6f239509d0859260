// Signing keys: made at start, published by the library, and used by the shim where it signs itself.

import { createPublicKey, generateKeyPair, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);
const KINDS = { RS256: ['rsa', { modulusLength: 2048 }], ES256: ['ec', { namedCurve: 'P-256' }] };

/** A fresh key of each algorithm: `{ RS256: { kid, alg, jwk, key }, ES256: ... }`. */
export async function makeKeys() {
  const made = Object.entries(KINDS).map(async ([alg, [kind, options]]) => {
    const { privateKey: key } = await generate(kind, options);
    const kid = `${alg.toLowerCase()}-${randomBytes(6).toString('hex')}`;
    return [alg, { kid, alg, key, jwk: { ...key.export({ format: 'jwk' }), kid, alg, use: 'sig' } }];
  });
  return Object.fromEntries(await Promise.all(made));
}

export const publicJwk = ({ key, kid, alg }) => ({ ...createPublicKey(key).export({ format: 'jwk' }), kid, alg, use: 'sig' });

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
export const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());

/** Header and claims of a JWT, unchecked. */
export function readJwt(jwt) {
  const [header, claims] = jwt.split('.');
  return { header: decode(header), claims: decode(claims) };
}

/** A JWT in compact form; `signWith` gets the signed part and returns the signature. */
export function writeJwt(header, claims, signWith) {
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${signWith(Buffer.from(signed)).toString('base64url')}`;
}

/** How a key signs: with the bare pair of numbers that JWTs want of elliptic curves. */
export const signer =
  ({ key }) =>
  (data) =>
    sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' });
