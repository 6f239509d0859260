// What this project does around the library: it holds back each answer, gives it the quirks of the provider that is played,
// and spoils it when a test has asked for that. An answer nobody changes leaves as the library wrote it, signature and all.

import { createPublicKey } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { publicJwk, readJwt, signer, writeJwt } from './keys.mjs';

/** If an endpoint is to fail, what it answers; waits as long as it was told to. */
export async function fault(personality, endpoint) {
  const found = personality.takeFault(endpoint);
  if (!found) return null;
  if (found.delayMs) await pause(found.delayMs);
  if (found.status === undefined) return null;
  const { status, headers = { 'content-type': 'text/plain' }, body = '' } = found;
  return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

/** Quirks and tamperings of one answer of the library. */
export async function dress(personality, endpoint, answer, context) {
  const { description } = personality;
  if (endpoint === 'metadata' && answer.status === 200) return metadata(personality, answer, context);
  if (endpoint === 'jwks' && description.jwks) return rewrite(answer, (keys) => description.jwks(keys, context));
  if (endpoint === 'token') return await token(personality, answer, context);
  if (endpoint === 'authorize') return await authorize(personality, answer, context);
  return answer;
}

const rewrite = (answer, change) => ({ ...answer, body: JSON.stringify(change(JSON.parse(answer.body))) });

function metadata(personality, answer, context) {
  const { description } = personality;
  const dressed = description.metadata ? rewrite(answer, (document) => description.metadata(document, context)) : answer;
  return personality.take('metadata').reduce((result, spoil) => rewrite(result, (document) => spoil(document)), dressed);
}

async function token(personality, answer, context) {
  const { description } = personality;
  let dressed = answer;
  if (answer.status === 200) {
    const { seen } = personality;
    const granted = await personality.grantedWithCode(context.provider, seen.token.code);
    dressed = rewrite(dressed, (body) => {
      const quirky = description.token ? description.token(body, { granted, wished: seen.authorize ?? {} }) : body;
      return quirky.id_token ? { ...quirky, id_token: idToken(personality, quirky.id_token, context) } : quirky;
    });
    dressed = personality.take('token').reduce((result, spoil) => rewrite(result, (body) => spoil(body)), dressed);
  }
  return description.tokenAnswer ? description.tokenAnswer(dressed, context.request) : dressed;
}

function idToken(personality, jwt, context) {
  const { description, keys } = personality;
  const spoils = personality.take('idToken');
  if (!description.idToken && spoils.length === 0) return jwt;
  const { header, claims } = readJwt(jwt);
  const key = keys[header.alg];
  const helpers = {
    foreignKey: personality.foreignKeys,
    publicPem: createPublicKey({ key: publicJwk(key), format: 'jwk' }).export({ type: 'spki', format: 'pem' }),
  };
  const start = { header, claims: description.idToken?.(claims, context) ?? claims, sign: signer(key) };
  const spoilt = spoils.reduce((result, spoil) => spoil(result, helpers), start);
  return writeJwt(spoilt.header, spoilt.claims, spoilt.sign);
}

const INPUT = /<input type="hidden" name="([^"]*)" value="([^"]*)"\/>/g;
const ENTITIES = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
const unescape = (text) => text.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity]);
const escape = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

/** The answer that goes back with the browser, by redirect or by a form that posts itself. */
async function authorize(personality, answer, context) {
  const { location } = answer.headers;
  if (location && personality.isRedirectUri(location)) {
    const target = new URL(location);
    const fields = await answerFields(personality, Object.fromEntries(target.searchParams), context);
    target.search = new URLSearchParams(fields).toString();
    return { ...answer, headers: { ...answer.headers, location: target.href } };
  }
  const [, action] = /<form method="post" action="([^"]*)">/.exec(answer.body) ?? [];
  if (!action || !personality.isRedirectUri(unescape(action))) return answer;
  const given = Object.fromEntries([...answer.body.matchAll(INPUT)].map(([, name, value]) => [name, unescape(value)]));
  const fields = await answerFields(personality, given, context);
  const inputs = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}"/>`,
  );
  const body = answer.body
    .replace(INPUT, '')
    .replace(/(<form [^>]*>)/, (form) => form + inputs.join(''))
    .replace('<head>', '<head><link rel="icon" href="data:,">');
  return { ...answer, body };
}

async function answerFields(personality, given, context) {
  const { description } = personality;
  const person = given.code ? await personality.personOfCode(context.provider, given.code) : null;
  const { iss, ...rest } = given;
  const bare = description.sendsIssuer === false ? rest : given;
  const quirky = description.answer?.(bare, { ...context, person, once: (what) => personality.once(what) }) ?? bare;
  const spoilt = personality.take('answer').reduce((fields, spoil) => spoil(fields), quirky);
  return Object.fromEntries(Object.entries(spoilt).filter(([, value]) => value !== undefined));
}
