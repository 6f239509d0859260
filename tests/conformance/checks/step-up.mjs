// `server-auth/step-up-auth`: an official SDK calls `admin-action`, hears which scope it lacks, has its person asked again, and calls it.

import assert from 'node:assert/strict';
import { application } from '../clients/typescript.mjs';
import { parameter, watch } from './watch.mjs';

const SCOPE = 'admin:act';

export async function stepUp(report, server, kind, person) {
  const { seen, fetch } = watch();
  const { redirect, provider, dial, finish } = await application(server, { ...kind, fetch }, person);
  const first = dial();
  await assert.rejects(first.done, kind.sdk.UnauthorizedError);
  await finish(first.transport);
  const { client, transport, done } = dial();
  await done;
  const call = () => client.callTool({ name: 'admin-action', arguments: {} });
  const outcome = await (async () => {
    await assert.rejects(call(), kind.sdk.UnauthorizedError);
    await finish(transport);
    return await call();
  })().catch((error) => error);
  await client.close();
  redirect.close();

  const check = (name, body) => report.check(`server-auth/step-up-auth, ${kind.label}: ${name}`, body);
  const at = seen.findIndex(({ url, status }) => url === server.mcpUrl && status === 403);
  const { challenge = '' } = seen[at] ?? {};
  await check('step-up-403-response', () => assert.match(challenge, /^Bearer error="insufficient_scope"/));
  await check('step-up-scope-in-header', () => assert.ok(parameter(challenge, 'scope').split(' ').includes(SCOPE)));
  await check('step-up-resource-metadata', () => {
    assert.equal(new URL(parameter(challenge, 'resource_metadata')).origin, server.baseUrl);
  });
  await check('step-up-re-auth', () => {
    assert.equal(provider.redirects, 2);
    assert.ok(provider.saved.scope.split(' ').includes(SCOPE), provider.saved.scope);
  });
  await check('step-up-success-after-escalation', () => {
    if (outcome instanceof Error) throw outcome;
    assert.equal(outcome.content[0].text, `done by ${person.email}`);
    assert.ok(seen.slice(at).some(({ url, status }) => url === server.mcpUrl && status === 200));
  });
}
