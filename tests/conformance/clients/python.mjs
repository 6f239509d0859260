// Starts python.py, the official Python SDK, and is its browser.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { HERE, cleanEnvironment } from '../harness.mjs';

export const PYTHON = ['legacy', 'auto'];

export async function python(report, server, mode) {
  const label = `Python SDK, ${mode}`;
  const person = await server.person(`python-${mode}`);
  const interpreter = join(process.env.BELGIE_CONFORMANCE_VENV ?? join(HERE, '.venv'), 'bin/python');
  const script = join(HERE, 'clients/python.py');
  const child = spawn(interpreter, [script, server.mcpUrl, server.baseUrl, person.email, mode], { env: cleanEnvironment() });
  let said = '';
  child.stderr.on('data', (piece) => (said += piece));
  const ended = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.passed) report.pass(`${label}: ${event.passed}`);
    if (event.authorize) {
      await person.authorize(event.authorize).catch((error) => report.fail(`${label}: the consent page`, error));
    }
  }
  const code = await ended;
  if (code !== 0) report.fail(label, `python.py ended with ${code}:\n${said}`);
}
