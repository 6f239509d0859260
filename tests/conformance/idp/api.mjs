// What stands behind access tokens besides userinfo: GitHub's API, and the profile picture at Microsoft's Graph.

import { picture } from './pictures.mjs';
import { json } from './request.mjs';

async function holder(personality, request) {
  const [, token] = /^(?:bearer|token) (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  const [provider] = personality.providers.values();
  const found = token ? await provider.AccessToken.find(token) : undefined;
  return found && { person: personality.personOf(found.accountId), scopes: new Set(found.scope.split(' ')) };
}

export async function githubApi(personality, path, request) {
  if (!request.headers['user-agent']) return json({ message: 'Request forbidden by administrative rules.' }, 403);
  const caller = await holder(personality, request);
  if (!caller) return json({ message: 'Bad credentials' }, 401);
  const { base, switches } = personality;
  const found = personality.description.api[path]?.(caller.person, { base, switches, scopes: caller.scopes });
  return found ? json(found) : json({ message: 'Not Found' }, 404);
}

export async function graph(personality, path, request) {
  const refuse = (status, code) => json({ error: { code, message: code } }, status);
  const caller = await holder(personality, request);
  if (!caller) return refuse(401, 'InvalidAuthenticationToken');
  if (!caller.scopes.has('User.Read')) return refuse(403, 'Authorization_RequestDenied');
  const [, size = '648'] = /^\/v1\.0\/me\/(?:photo|photos\/(\d+)x\d+)\/\$value$/.exec(path) ?? [];
  if (!/^\/v1\.0\/me\/photo/.test(path)) return refuse(404, 'Request_ResourceNotFound');
  if (!personality.switches.photo) return refuse(404, 'ImageNotFound');
  return { status: 200, headers: { 'content-type': 'image/png' }, body: picture(caller.person, Number(size)) };
}
