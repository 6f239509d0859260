// What an agent is shown and reaches that a person has let act for an organization, or for teams of it.

import assert from 'node:assert/strict';
import { runScript } from './python.mjs';
import { application } from './typescript.mjs';

/** One of the official TypeScript SDKs from the first 401 to its tools; `tool` adds two numbers. `live` gets the client. */
export async function typescriptTools(server, kind, person, tool, live = async () => {}) {
  const { redirect, dial, finish } = await application(server, kind, person);
  const first = dial();
  await assert.rejects(first.done, kind.sdk.UnauthorizedError);
  await finish(first.transport);
  const { client, transport, done } = dial();
  await done;
  const seen = async () => (await client.listTools()).tools.map(({ name }) => name);
  const sum = async () => {
    const answer = await client.callTool({ name: tool, arguments: { a: 40, b: 2 } }).catch(() => ({ isError: true }));
    return answer.isError ? null : answer.content[0].text;
  };
  const told = { tools: await seen(), sum: await sum() };
  await live({ seen, sum });
  await transport.terminateSession();
  await client.close();
  redirect.close();
  return told;
}

/** The same with the official Python SDK. */
export async function pythonTools(server, mode, person, tool) {
  let told;
  await runScript('tools.py', [server.mcpUrl, mode, tool], async (event) => {
    if (event.authorize) await person.authorize(event.authorize);
    else told = event;
  });
  return told;
}
