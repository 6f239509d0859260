// What others try on the way to a provider and back.

import assert from 'node:assert/strict';
import { Visitor } from './world.mjs';
import { BUTTON, PATHS, PROVIDERS, SAYS } from './ui.mjs';

const REFUSED = /^status: [45]|^console: Failed to load/;

export async function attacks(visitor, browser) {
  const { world } = visitor;
  for (const one of world.idp.personalities) one.forgetSessions();
  await loginForgery(visitor, browser);
  await replay(visitor);
  await mixUp(visitor);
  await openRedirects(visitor);
  await tampering(visitor);
  await trouble(visitor);
}

/** Takes the answer of a sign-in at a provider, and keeps it from arriving: it is stopped at the redirect. */
async function steal(visitor, provider, person) {
  const devtools = await visitor.context.newCDPSession(visitor.page);
  let caught;
  devtools.on('Fetch.requestPaused', ({ requestId, request }) => {
    caught = request.url;
    const body = Buffer.from('<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Kept</title>').toString('base64');
    const responseHeaders = STOLEN_HEADERS.map(([name, value]) => ({ name, value }));
    // Playwright may have gone on to the next page by the time this is through.
    devtools.send('Fetch.fulfillRequest', { requestId, responseCode: 200, responseHeaders, body }).catch(() => {});
  });
  await devtools.send('Fetch.enable', { patterns: [{ urlPattern: `*${PATHS.callback(provider)}*` }] });
  await visitor.signInWith(provider, person);
  await devtools.detach();
  assert.ok(caught, 'no answer came by');
  return caught;
}

/** Those that the stage wants to see on every page of the gateway. */
const STOLEN_HEADERS = [
  ['content-type', 'text/html; charset=utf-8'],
  ['content-security-policy', "default-src 'none'; img-src data:; frame-ancestors 'none'"],
  ['x-frame-options', 'DENY'],
  ['x-content-type-options', 'nosniff'],
  ['cache-control', 'no-store'],
];

/** The attacker's own answer, opened by somebody else's browser, would sign them in as the attacker. */
async function loginForgery(visitor, browser) {
  const { world, label, report, javaScriptEnabled } = visitor;
  await visitor.check(
    'an answer is worth nothing in another browser',
    async () => {
      const answer = await steal(visitor, 'google', 'edsger');
      const victim = await Visitor.open(browser, world, { label, report, javaScriptEnabled });
      await victim.visit(answer);
      await victim.says(SAYS.stateMismatch);
      assert.equal(await victim.isSignedIn(), false);
      await victim.context.close();
      assert.equal(world.idp.google.counts['token authorization_code'] ?? 0, 0, 'the code was redeemed');
    },
    REFUSED,
  );
}

async function replay(visitor) {
  await visitor.check(
    'an answer is worth something once',
    async () => {
      const answer = await steal(visitor, 'google', 'grace');
      await visitor.visit(answer);
      assert.equal(await visitor.isSignedIn(), true);
      await visitor.signOut();
      await visitor.visit(answer);
      await visitor.says(SAYS.stateMismatch);
      await visitor.look('callback-replayed');
      assert.equal(await visitor.isSignedIn(), false);
    },
    REFUSED,
  );
}

/** The code of one provider is to be carried to another (RFC 9207, RFC 9700 section 4.4). */
async function mixUp(visitor) {
  const { idp } = visitor.world;
  await visitor.check(
    'an answer that names another issuer is refused',
    async () => {
      idp.generic.next('iss of somebody else');
      const before = idp.generic.counts['token authorization_code'] ?? 0;
      await visitor.signInWith('generic', 'ada');
      assert.equal(await visitor.isSignedIn(), false);
      assert.equal(idp.generic.counts['token authorization_code'] ?? 0, before, 'the code was sent away');
    },
    REFUSED,
  );
  await visitor.check(
    'an answer without its issuer is refused where one is promised',
    async () => {
      idp.generic.next('iss missing');
      await visitor.signInWith('generic', 'ada');
      assert.equal(await visitor.isSignedIn(), false);
    },
    REFUSED,
  );
  await visitor.check(
    'the answer of one provider does not count at another’s address',
    async () => {
      const answer = new URL(await steal(visitor, 'google', 'grace'));
      answer.pathname = PATHS.callback('generic');
      await visitor.visit(answer.href);
      assert.equal(await visitor.isSignedIn(), false);
    },
    REFUSED,
  );
}

async function openRedirects(visitor) {
  const foreign = [
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '\\\\evil.example',
    'javascript:alert(1)',
  ].concat(['/%0d%0aLocation:%20https://evil.example', 'https:evil.example', '/\t/evil.example']);
  for (const target of foreign) {
    await visitor.check(
      `return_to=${JSON.stringify(target)} leads nowhere else`,
      async () => {
        await visitor.visit(`${PATHS.start('google')}?return_to=${encodeURIComponent(target)}`);
        await visitor.atProvider('grace');
        assert.equal(new URL(visitor.page.url()).origin, visitor.server.baseUrl);
        if (await visitor.isSignedIn()) await visitor.signOut();
      },
      REFUSED,
    );
  }
  await visitor.check('a return_to at the sign-in form leads nowhere else', async () => {
    await visitor.visit(`${PATHS.signIn}?return_to=${encodeURIComponent('//evil.example/')}`);
    await visitor.go(BUTTON.provider(PROVIDERS.google));
    await visitor.atProvider('grace');
    assert.equal(new URL(visitor.page.url()).origin, visitor.server.baseUrl);
    await visitor.signOut();
  });
}

const SPOILT = ['signature broken', 'key of somebody else', 'algorithm none', 'algorithm HS256 by public key', 'nonce missing']
  .concat(['nonce wrong', 'issuer wrong', 'audience wrong', 'audience with strangers', 'expired', 'subject missing'])
  .concat(['id token missing', 'state missing', 'state wrong', 'code wrong']);
const SPOILT_TENANT = ['tenant of somebody else', 'tenant missing', 'issuer as template'];

/**
 * The Rust suite tries all of them; here it is seen what people see. None of it meets a script, so without scripts one of
 * each kind will do.
 */
async function tampering(visitor) {
  for (const [provider, names] of Object.entries({ google: SPOILT, microsoft: SPOILT_TENANT })) {
    const personality = visitor.world.idp[provider];
    const few = ['signature broken', 'id token missing', 'state wrong', 'tenant of somebody else'];
    for (const name of visitor.javaScriptEnabled ? names : names.filter((one) => few.includes(one))) {
      await visitor.check(
        `${PROVIDERS[provider]}, ${name}: nobody is signed in`,
        async () => {
          personality.next(name);
          await visitor.signInWith(provider, 'edsger');
          assert.equal(personality.pending, 0, 'nothing was tampered with');
          assert.equal(new URL(visitor.page.url()).origin, visitor.server.baseUrl);
          assert.equal(await visitor.isSignedIn(), false);
        },
        REFUSED,
      );
    }
  }
}

async function trouble(visitor) {
  const { google } = visitor.world.idp;
  await visitor.check(
    'what a provider says is shown as text, if at all',
    async () => {
      google.next('error with markup');
      await visitor.signInWith('google', 'grace');
      assert.equal(await visitor.page.locator('main b, main script').count(), 0);
      await visitor.look('provider-error');
    },
    REFUSED,
  );
  const broken = {
    'the token endpoint is down': ['token', { status: 503, body: 'down' }],
    'the token endpoint talks nonsense': ['token', { status: 200, headers: { 'content-type': 'application/json' }, body: '{{{' }],
    'the token endpoint sends people elsewhere': ['token', { status: 307, headers: { location: 'http://127.0.0.1:1/' } }],
    'the token endpoint never ends': [
      'token',
      { status: 200, headers: { 'content-type': 'application/json' }, body: ' '.repeat(30_000_000) },
    ],
  };
  for (const [what, fault] of Object.entries(broken)) {
    await visitor.check(
      `${what}: people are told, and can try again`,
      async () => {
        google.fault(...fault);
        await visitor.signInWith('google', 'grace');
        await visitor.says(SAYS.providerFailed);
        if (what.endsWith('down')) await visitor.look('provider-down');
        google.reset();
        await visitor.signInWith('google', 'grace');
        assert.equal(await visitor.isSignedIn(), true);
        await visitor.signOut();
      },
      REFUSED,
    );
  }
  await visitor.check('with every provider down people still sign in by password', async () => {
    for (const one of visitor.world.idp.personalities) one.fault('*', { status: 503, body: 'down' });
    await visitor.signUp('Dorothy Vaughan', 'dorothy@example.org');
    await visitor.signOut();
    await visitor.signIn('dorothy@example.org');
    await visitor.seesAccountOf('dorothy@example.org');
    await visitor.signOut();
    visitor.world.idp.reset();
  });
}
