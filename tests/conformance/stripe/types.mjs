// Every kind of request we send, as a literal of the type the official SDK has for its parameters, and every kind of answer and event of
// the suite's stand-in, as a literal of the type it has for the object: what it does not know, or knows otherwise, does not compile, and
// neither does what lacks something that Stripe always tells.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HERE, NODE } from '../harness.mjs';
import { nested, readRecord } from './record.mjs';

/** Which types go with which address: of what is sent, and of what is answered. */
const TYPES = [
  ['GET', /^\/v1\/prices$/, 'PriceListParams', 'ApiList<Stripe.Price>'],
  ['GET', /^\/v1\/prices\/[^/]+$/, 'PriceRetrieveParams', 'Price'],
  ['POST', /^\/v1\/prices$/, 'PriceCreateParams', 'Price'],
  ['GET', /^\/v1\/products\/[^/]+$/, 'ProductRetrieveParams', 'Product'],
  ['POST', /^\/v1\/products$/, 'ProductCreateParams', 'Product'],
  ['POST', /^\/v1\/customers$/, 'CustomerCreateParams', 'Customer'],
  ['GET', /^\/v1\/customers\/[^/]+$/, 'CustomerRetrieveParams', 'Customer | Stripe.DeletedCustomer'],
  ['POST', /^\/v1\/customers\/[^/]+$/, 'CustomerUpdateParams', 'Customer'],
  ['POST', /^\/v1\/checkout\/sessions$/, 'Checkout.SessionCreateParams', 'Checkout.Session'],
  ['GET', /^\/v1\/checkout\/sessions\/[^/]+$/, 'Checkout.SessionRetrieveParams', 'Checkout.Session'],
  ['POST', /^\/v1\/checkout\/sessions\/[^/]+\/expire$/, 'Checkout.SessionExpireParams', 'Checkout.Session'],
  ['POST', /^\/v1\/billing_portal\/sessions$/, 'BillingPortal.SessionCreateParams', 'BillingPortal.Session'],
  ['GET', /^\/v1\/subscriptions\/[^/]+$/, 'SubscriptionRetrieveParams', 'Subscription'],
  ['POST', /^\/v1\/subscriptions\/[^/]+$/, 'SubscriptionUpdateParams', 'Subscription'],
  ['DELETE', /^\/v1\/subscriptions\/[^/]+$/, 'SubscriptionCancelParams', 'Subscription'],
  ['POST', /^\/v1\/subscription_schedules$/, 'SubscriptionScheduleCreateParams', 'SubscriptionSchedule'],
  ['GET', /^\/v1\/subscription_schedules\/[^/]+$/, 'SubscriptionScheduleRetrieveParams', 'SubscriptionSchedule'],
  ['POST', /^\/v1\/subscription_schedules\/[^/]+$/, 'SubscriptionScheduleUpdateParams', 'SubscriptionSchedule'],
  ['POST', /^\/v1\/subscription_schedules\/[^/]+\/release$/, 'SubscriptionScheduleReleaseParams', 'SubscriptionSchedule'],
  ['GET', /^\/v1\/billing\/meters$/, 'Billing.MeterListParams', 'ApiList<Stripe.Billing.Meter>'],
  ['POST', /^\/v1\/billing\/meters$/, 'Billing.MeterCreateParams', 'Billing.Meter'],
  ['POST', /^\/v1\/billing\/meter_events$/, 'Billing.MeterEventCreateParams', 'Billing.MeterEvent'],
];

/** What the suite sends to see that it is refused, before anybody is asked. */
const WRONG_ON_PURPOSE = (params) => params.locale === 'tlh';

/** Literals of a type, each once. */
class Literals {
  lines = [];
  seen = new Map();

  add(type, value) {
    const literal = JSON.stringify(value);
    if (this.seen.has(type + literal)) return;
    this.seen.set(type + literal, type);
    this.lines.push(`export const p${this.lines.length}: Stripe.${type} = ${literal};`);
  }

  /** What stands in a list and is nowhere to be found. */
  lacks(types) {
    const all = new Set(this.seen.values());
    return types.filter((type) => !all.has(type));
  }
}

const typeOf = ({ method, path }) => TYPES.find(([verb, pattern]) => verb === method && pattern.test(path));

/** Events of which the stand-in tells. */
const EVENTS = [
  'customer.deleted',
  'customer.subscription.created',
  'customer.subscription.updated',
  'customer.subscription.deleted',
  'checkout.session.completed',
  'checkout.session.expired',
];

export async function types(report) {
  const record = readRecord();
  const requests = record.filter((line) => line.kind === 'request');
  await report.check('types: the suite has sent something', () => assert.ok(requests.length > 100, `${requests.length}`));
  const sent = new Literals();
  const unknown = new Set();
  for (const request of requests) {
    const found = typeOf(request);
    if (!found) {
      unknown.add(`${request.method} ${request.path}`);
      continue;
    }
    const params = nested(request.parameters);
    if (!WRONG_ON_PURPOSE(params)) sent.add(found[2], params);
  }
  await report.check('types: every address is known', () => assert.deepEqual([...unknown], []));
  await report.check('types: every address we know is asked', () => assert.deepEqual(sent.lacks(TYPES.map(([, , type]) => type)), []));
  await report.check(`types: ${sent.lines.length} different requests compile against the official SDK`, () => compile(sent.lines));
  await report.check('types: what the SDK does not know does not compile', async () => {
    const wrong = [
      "export const a: Stripe.Checkout.SessionCreateParams = { mode: 'subscriptions' };",
      "export const b: Stripe.SubscriptionUpdateParams = { items: [{ id: 'si_1', quantitty: 2 }] };",
      "export const c: Stripe.CustomerCreateParams = { mail: 'ada@example.org' };",
    ];
    for (const line of wrong) await assert.rejects(compile([line]), /TS\d+/, line);
  });
  await answers(report, record);
}

/** The type of events of a kind: `customer.deleted` is a `CustomerDeletedEvent`. */
const typeOfEvent = (kind) => `${kind.replace(/(?:^|[._])([a-z])/g, (_, letter) => letter.toUpperCase())}Event`;

/** What the stand-in says is what Stripe would say. */
async function answers(report, record) {
  const said = new Literals();
  const answered = new Set();
  for (const answer of record.filter((line) => line.kind === 'answer')) {
    const found = typeOf(answer);
    if (!found) continue; // its request is told of as an unknown address
    answered.add(found);
    said.add(found[3], alike(answer.body));
  }
  const kinds = new Set();
  for (const { body } of record.filter((line) => line.kind === 'event')) {
    kinds.add(body.type);
    said.add(typeOfEvent(body.type), alike(body));
  }
  await report.check('types: every address has answered, and every kind of event is there', () => {
    assert.deepEqual(TYPES.filter((one) => !answered.has(one)).map(([verb, pattern]) => `${verb} ${pattern}`), []);
    assert.deepEqual([...kinds].sort(), [...EVENTS].sort());
  });
  await report.check(`types: ${said.lines.length} different answers and events compile as the objects of the official SDK`, () => compile(said.lines));
  await report.check('types: an answer that lacks something or has something else does not compile', async () => {
    for (const type of ['Subscription', 'CustomerSubscriptionUpdatedEvent']) {
      const whole = said.lines.find((line) => line.includes(`: Stripe.${type} = `));
      const wrong = [
        whole.replace('"current_period_end":', '"period_end":'),
        whole.replace(/"cancel_at_period_end":(true|false)/, '"cancel_at_period_end":"no"'),
        whole.replace(/"schedule":(null|"[^"]*"),/, ''),
        whole.replace(/"status":"[a-z_]+"/, '"status":"running"'),
      ];
      for (const line of wrong) {
        assert.notEqual(line, whole);
        await assert.rejects(compile([line]), /TS\d+/, line);
      }
    }
  });
}

/** The same object but for its ids and moments, so that each kind is compiled once. */
function alike(body) {
  return JSON.parse(JSON.stringify(body), (name, value) => {
    if (typeof value === 'number' && value > 1e9) return 1e9;
    if (typeof value === 'string' && name !== 'object' && /^[a-z]+_(test_)?[0-9a-z_]*\d{4}$/.test(value)) return 'id';
    return value;
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
  // On the wire a decimal is a text.
  writeFileSync(join(to, 'esm/Decimal.d.ts'), 'export type Decimal = string;\nexport declare const Decimal: unknown;\n');
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
