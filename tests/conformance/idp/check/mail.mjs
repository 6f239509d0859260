// The mail server, given mails by a client nobody here wrote: Python's own smtplib.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { HERE } from '../../harness.mjs';
import { startMail } from '../../mail/mail.mjs';

export async function mail(report) {
  await report.check('mail: keeps sender, subject, both texts and links', async () => {
    const server = await startMail();
    await sendMail({ port: server.port, to: 'grace@example.org' });
    await sendMail({ port: server.port, to: 'ada@example.org' });
    const found = await server.next({ to: 'Ada@example.org' });
    assert.deepEqual([found.from, found.subject, found.encrypted, found.user], ['gate@example.org', 'Grüezi', false, null]);
    assert.match(found.text, /Open it:/);
    assert.match(found.html, /<a /);
    assert.deepEqual(found.links, ['http://127.0.0.1/text?token=a', 'http://127.0.0.1/html?token=a&b=c']);
    assert.deepEqual([found.defects, found.attachments], [[], []]);
    assert.equal(server.unread.length, 1);
    assert.equal(await server.stop(), 0);
  });
  await report.check('mail: asks for STARTTLS and a password', async () => {
    const server = await startMail({ requireStarttls: true, user: 'gate', password: 'of tests' });
    await assert.rejects(sendMail({ port: server.port, to: 'ada@example.org' }), /530|STARTTLS/);
    const { port, certificate } = server;
    await assert.rejects(sendMail({ port, certificate, to: 'ada@example.org', user: 'gate', password: 'wrong' }), /535/);
    await sendMail({ port, certificate, to: 'ada@example.org', user: 'gate', password: 'of tests' });
    const found = await server.next();
    assert.deepEqual([found.encrypted, found.user], [true, 'gate']);
    await server.stop();
  });
  await report.check('mail: speaks TLS from the first byte', async () => {
    const server = await startMail({ tls: true, user: 'gate', password: 'of tests' });
    const { port, certificate } = server;
    await sendMail({ port, certificate, tls: true, to: 'ada@example.org', user: 'gate', password: 'of tests' });
    const found = await server.next();
    assert.deepEqual([found.encrypted, found.user], [true, 'gate']);
    await server.stop();
  });
  await report.check('mail: turns away, and puts off', async () => {
    const server = await startMail({ refuse: ['nobody@example.org'] });
    await assert.rejects(sendMail({ port: server.port, to: 'nobody@example.org' }), /550/);
    await assert.rejects(sendMail({ port: server.port, to: 'later@example.org' }), /451/);
    await server.stop();
  });
}

function sendMail(options) {
  const interpreter = join(process.env.BELGIE_CONFORMANCE_VENV ?? join(HERE, '.venv'), 'bin/python');
  const child = spawn(interpreter, [join(HERE, 'idp/check/send.py')], { stdio: ['pipe', 'inherit', 'pipe'] });
  let said = '';
  child.stderr.on('data', (piece) => (said += piece));
  child.stdin.end(JSON.stringify(options));
  return new Promise((resolve, reject) => {
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(said))));
  });
}
