// Starts python.py, the official Python SDK, and is its browser.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { HERE, cleanEnvironment } from '../harness.mjs';

export const PYTHON = ['legacy', 'auto'];

/**
 * Runs a script of the Python environment; `hear` gets every event it tells, with a way to say a line to it, and what the browser does
 * goes wrong there.
 */
export async function runScript(name, args, hear) {
  const interpreter = join(process.env.BELGIE_CONFORMANCE_VENV ?? join(HERE, '.venv'), 'bin/python');
  const child = spawn(interpreter, [join(HERE, 'clients', name), ...args], { env: cleanEnvironment() });
  let said = '';
  child.stderr.on('data', (piece) => (said += piece));
  const ended = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  const say = (line) => child.stdin.write(`${line}\n`);
  for await (const line of createInterface({ input: child.stdout })) await hear(JSON.parse(line), say);
  const code = await ended;
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${said}`);
}

export async function python(report, server, mode) {
  const label = `Python SDK, ${mode}`;
  const person = await server.person(`python-${mode}`);
  await runScript('python.py', [server.mcpUrl, server.baseUrl, person.email, mode], async (event) => {
    if (event.passed) report.pass(`${label}: ${event.passed}`);
    if (event.authorize) {
      await person.authorize(event.authorize).catch((error) => report.fail(`${label}: the consent page`, error));
    }
  });
}
