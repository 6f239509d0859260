// Every kind of request we send, as a literal of the type the official SDK has for its parameters: what it does not know, or
// knows otherwise, does not compile.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HERE, NODE } from '../harness.mjs';
import { nested, readRecord } from './record.mjs';

/** Which type goes with which address. */
const TYPES = [
  ['GET', /^\/v1\/prices$/, 'PriceListParams'],
  ['GET', /^\/v1\/prices\/[^/]+$/, 'PriceRetrieveParams'],
  ['POST', /^\/v1\/prices$/, 'PriceCreateParams'],
  ['GET', /^\/v1\/products\/[^/]+$/, 'ProductRetrieveParams'],
  ['POST', /^\/v1\/products$/, 'ProductCreateParams'],
  ['POST', /^\/v1\/customers$/, 'CustomerCreateParams'],
  ['GET', /^\/v1\/customers\/[^/]+$/, 'CustomerRetrieveParams'],
  ['POST', /^\/v1\/customers\/[^/]+$/, 'CustomerUpdateParams'],
  ['POST', /^\/v1\/checkout\/sessions$/, 'Checkout.SessionCreateParams'],
  ['GET', /^\/v1\/checkout\/sessions\/[^/]+$/, 'Checkout.SessionRetrieveParams'],
  ['POST', /^\/v1\/checkout\/sessions\/[^/]+\/expire$/, 'Checkout.SessionExpireParams'],
  ['POST', /^\/v1\/billing_portal\/sessions$/, 'BillingPortal.SessionCreateParams'],
  ['GET', /^\/v1\/subscriptions\/[^/]+$/, 'SubscriptionRetrieveParams'],
  ['POST', /^\/v1\/subscriptions\/[^/]+$/, 'SubscriptionUpdateParams'],
  ['POST', /^\/v1\/subscription_schedules$/, 'SubscriptionScheduleCreateParams'],
  ['GET', /^\/v1\/subscription_schedules\/[^/]+$/, 'SubscriptionScheduleRetrieveParams'],
  ['POST', /^\/v1\/subscription_schedules\/[^/]+$/, 'SubscriptionScheduleUpdateParams'],
  ['POST', /^\/v1\/subscription_schedules\/[^/]+\/release$/, 'SubscriptionScheduleReleaseParams'],
  ['GET', /^\/v1\/billing\/meters$/, 'Billing.MeterListParams'],
  ['POST', /^\/v1\/billing\/meters$/, 'Billing.MeterCreateParams'],
  ['POST', /^\/v1\/billing\/meter_events$/, 'Billing.MeterEventCreateParams'],
];

/** What the suite sends to see that it is refused, before anybody is asked. */
const WRONG_ON_PURPOSE = (params) => params.locale === 'tlh';

export async function types(report) {
  const requests = readRecord().filter((line) => line.kind === 'request');
  await report.check('types: the suite has sent something', () => assert.ok(requests.length > 100, `${requests.length}`));
  const lines = [];
  const seen = new Map();
  const unknown = new Set();
  for (const { method, path, parameters } of requests) {
    const found = TYPES.find(([verb, pattern]) => verb === method && pattern.test(path));
    if (!found) {
      unknown.add(`${method} ${path}`);
      continue;
    }
    const params = nested(parameters);
    if (WRONG_ON_PURPOSE(params)) continue;
    const literal = JSON.stringify(params);
    if (seen.has(found[2] + literal)) continue;
    seen.set(found[2] + literal, found[2]);
    lines.push(`export const p${lines.length}: Stripe.${found[2]} = ${literal};`);
  }
  await report.check('types: every address is known', () => assert.deepEqual([...unknown], []));
  await report.check('types: every address we know is asked', () => {
    const asked = new Set(seen.values());
    const missing = TYPES.map(([, , type]) => type).filter((type) => !asked.has(type) && !type.startsWith('Billing.'));
    assert.deepEqual(missing, []);
  });
  await report.check(`types: ${lines.length} different requests compile against the official SDK`, () => compile(lines));
  await report.check('types: what the SDK does not know does not compile', async () => {
    const wrong = [
      "export const a: Stripe.Checkout.SessionCreateParams = { mode: 'subscriptions' };",
      "export const b: Stripe.SubscriptionUpdateParams = { items: [{ id: 'si_1', quantitty: 2 }] };",
      "export const c: Stripe.CustomerCreateParams = { mail: 'ada@example.org' };",
    ];
    for (const line of wrong) await assert.rejects(compile([line]), /TS\d+/, line);
  });
}

/** The types alone. The SDK lets any word pass where Stripe has a list of them, since the list may grow; here it may not. */
function copyTypes(from, to) {
  const isWanted = (path) => statSync(path).isDirectory() ? !path.endsWith('/cjs') : /\.d\.ts$|package\.json$/.test(path);
  cpSync(from, to, { recursive: true, filter: isWanted });
  const shared = join(to, 'esm/shared.d.ts');
  const open = 'export type OtherString = string & Record<never, never>;';
  const text = readFileSync(shared, 'utf8');
  assert.ok(text.includes(open), 'the SDK says otherwise how lists of words are open');
  writeFileSync(shared, text.replace(open, 'export type OtherString = never;'));
}

async function compile(lines) {
  const folder = mkdtempSync(join(tmpdir(), 'belgie-types-'));
  try {
    copyTypes(join(HERE, 'node_modules/stripe'), join(folder, 'node_modules/stripe'));
    writeFileSync(join(folder, 'requests.ts'), `import Stripe from 'stripe';\n${lines.join('\n')}\n`);
    const compilerOptions = { strict: true, noEmit: true, module: 'nodenext', target: 'es2022', skipLibCheck: true, types: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['requests.ts'] }));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    await new Promise((resolve, reject) => {
      const tsc = join(HERE, 'node_modules/typescript/bin/tsc');
      execFile(NODE, [tsc, '-p', folder], { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        if (error) reject(new Error((stdout || stderr || error.message).slice(0, 4000)));
        else resolve();
      });
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
