// Signatures: those the suite makes are verified by the official library, and those of the official library by our program.

import assert from 'node:assert/strict';
import Stripe from 'stripe';
import { startServer } from '../harness.mjs';
import { readRecord } from './record.mjs';

const SECRET = 'whsec_conformance';
/** The suite signs with the moment of its own clock, which may be years off. */
const ANY_TIME = 1e12;

export async function signatures(report) {
  const stripe = new Stripe('sk_test_conformance');
  const signed = readRecord().filter((line) => line.kind === 'webhook');
  await report.check(`signatures: the official library verifies ${signed.length} that the suite has made`, () => {
    assert.ok(signed.length > 20);
    for (const { body, header, secret } of signed) {
      const event = stripe.webhooks.constructEvent(body, header, secret, ANY_TIME);
      assert.ok(event.id);
      assert.throws(() => stripe.webhooks.constructEvent(`${body} `, header, secret, ANY_TIME));
      assert.throws(() => stripe.webhooks.constructEvent(body, header, 'whsec_another', ANY_TIME));
    }
  });
  const config = `[plugins.stripe]\nsecret_key = "sk_test_conformance"\nwebhook_secret = "${SECRET}"\n[[plan]]\nname = "pro"\nmonthly_price = "price_pro"\n`;
  const server = await startServer({ config });
  const tell = async (payload, header) => {
    const response = await fetch(`${server.baseUrl}/auth/stripe/webhook`, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': header },
      body: payload,
    });
    return [response.status, await response.json()];
  };
  const event = (id) => JSON.stringify({ id, object: 'event', type: 'customer.created', data: { object: { id: 'cus_1', name: 'Zoë' } } }, null, 2);
  const sign = (payload, more = {}) => stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET, ...more });
  await report.check('signatures: our program takes what the official library has signed', async () => {
    assert.deepEqual(await tell(event('evt_1'), sign(event('evt_1'))), [200, { received: true }]);
    assert.deepEqual(await tell(event('evt_2'), `${sign(event('evt_2'))},v0=00`), [200, { received: true }]);
    const { events } = await server.command('stripe', 'events');
    assert.deepEqual(events.map((kept) => kept.id).sort(), ['evt_1', 'evt_2']);
  });
  await report.check('signatures: and nothing else', async () => {
    const payload = event('evt_3');
    const old = Math.floor(Date.now() / 1000) - 400;
    const wrong = [
      sign(payload, { secret: 'whsec_another' }),
      sign(`${payload} `),
      sign(payload, { timestamp: old }),
      sign(payload, { scheme: 'v0' }),
      '',
    ];
    for (const header of wrong) assert.equal((await tell(payload, header))[0], 400, header);
  });
  await server.stop();
}
