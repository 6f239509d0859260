#!/usr/bin/env node
// A client nobody here wrote that holds keys (oauth4webapi): DPoP with and without nonces, private_key_jwt, requests sent ahead, and the
// official SDK with a bound token, against a real server.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boundKeys } from './clients/bound_keys.mjs';
import { Report, startServer } from './harness.mjs';

const report = new Report('dpop');
for (const [algorithm, wantsNonces, format] of [
  ['ES256', true, 'opaque'],
  ['PS256', false, 'jwt'],
]) {
  const config =
    `[plugins.oauth-server]\npushed_requests = "allowed"\naccess_token_format = "${format}"\ndpop_nonces = ${wantsNonces}\n`;
  const server = await startServer({ config, demoTools: true });
  const folder = mkdtempSync(join(tmpdir(), 'belgie-keys-'));
  const writeFile = (name, text) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  await boundKeys(report, server, { algorithm, wantsNonces, writeFile });
  await report.check(`the server ends in good order (${algorithm})`, () => server.stop());
  rmSync(folder, { recursive: true });
}
report.close();
