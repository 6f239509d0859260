// Our program against `localstripe`, a stand-in nobody here wrote, for what it covers: customers are made and changed by our
// client, and its signed webhooks are believed. It knows neither prices nor Checkout nor the portal, and describes
// subscriptions in the words of an earlier version, so those are not driven here.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { HERE, startServer, stopProcess } from '../harness.mjs';

const SECRET = 'whsec_localstripe';

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Asks until it says what is wanted. */
async function until(what, ask) {
  let reason = 'it never came';
  for (let tries = 0; tries < 150; tries += 1) {
    const found = await ask().catch((error) => {
      reason = error;
      return undefined;
    });
    if (found) return found;
    await pause(100);
  }
  throw new Error(`${what}: ${reason}`);
}

export async function localstripe(report) {
  const port = await freePort();
  const bin = join(process.env.BELGIE_CONFORMANCE_VENV ?? join(HERE, '.venv'), 'bin');
  const child = spawn(join(bin, 'python'), ['-m', 'localstripe', '--port', String(port), '--from-scratch'], { stdio: 'ignore' });
  const origin = `http://127.0.0.1:${port}`;
  const read = async (path) => {
    const response = await fetch(`${origin}/v1/${path}`, { headers: { authorization: 'Bearer sk_test_conformance' } });
    assert.equal(response.status, 200, path);
    return await response.json();
  };
  try {
    await until('localstripe answers', async () => Array.isArray((await read('customers')).data));
    const config = `[outbound]\ndanger_allow_loopback = true\n[plugins.stripe]\nsecret_key = "sk_test_conformance"\nwebhook_secret = "${SECRET}"\napi_base = "${origin}/"\ncreate_customer_on_sign_up = true\n[[plan]]\nname = "pro"\nmonthly_price = "price_pro"\n`;
    const server = await startServer({ config });
    const form = new URLSearchParams({ url: `${server.baseUrl}/auth/stripe/webhook`, secret: SECRET });
    await fetch(`${origin}/_config/webhooks/ours`, { method: 'POST', body: form });
    const person = await server.person('Grace');
    const customer = await report.check('localstripe: a customer is made by our client, and is what it should be', () =>
      until('a customer', async () => {
        const { data } = await read('customers');
        if (data.length === 0) return undefined;
        assert.equal(data.length, 1);
        assert.match(data[0].metadata.belgie_account, /^usr_/);
        return data[0];
      }),
    );
    await report.check('localstripe: its signed webhook is believed', async () => {
      const kept = await until('an event', async () => {
        const { events } = await server.command('stripe', 'events');
        return events.find((event) => event.type === 'customer.created');
      });
      assert.equal(kept.state, 'done');
    });
    await report.check('localstripe: a proven address is told', async () => {
      await server.command('user', 'verify', '--email', person.email, '--is-theirs');
      await until('the proven address', async () => {
        const seen = await read(`customers/${customer.id}`);
        return seen.email === person.email;
      });
    });
    await server.stop();
  } finally {
    await stopProcess(child).catch(() => child.kill('SIGKILL'));
  }
}
