// Starts mail/server.py and keeps what it was given until a test asks for it.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { HERE, cleanEnvironment } from '../harness.mjs';

const PATIENCE_MS = 20_000;

/**
 * `{ starttls, requireStarttls, tls, user, password, refuse: [addresses] }`. What comes back has `port`, `certificate` (PEM, of
 * itself), `next({ to, subject })`, `unread` and `stop()`. A mail is what `describe` of server.py says of it.
 */
export async function startMail({ starttls = false, requireStarttls = false, tls = false, user, password, refuse = [] } = {}) {
  const interpreter = join(process.env.BELGIE_CONFORMANCE_VENV ?? join(HERE, '.venv'), 'bin/python');
  const flags = [
    ...(starttls ? ['--starttls'] : []),
    ...(requireStarttls ? ['--require-starttls'] : []),
    ...(tls ? ['--tls'] : []),
    ...(user ? ['--user', user, '--password', password] : []),
    ...refuse.flatMap((address) => ['--refuse', address]),
  ];
  const child = spawn(interpreter, [join(HERE, 'mail/server.py'), ...flags], {
    env: cleanEnvironment(),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the mail server has ended (${code})`)));
  });
  ended.catch(() => {});
  const first = await Promise.race([lines.next(), ended]);
  if (first.done) return await ended;
  return new Mail(child, lines, JSON.parse(first.value));
}

class Mail {
  #unread = [];
  #waiting = [];

  constructor(child, lines, { port, certificate }) {
    Object.assign(this, { child, port, certificate });
    this.#read(lines);
  }

  async #read(lines) {
    for await (const line of lines) {
      const mail = JSON.parse(line);
      const taker = this.#waiting.findIndex(({ wants }) => wants(mail));
      if (taker < 0) this.#unread.push(mail);
      else this.#waiting.splice(taker, 1)[0].take(mail);
    }
  }

  /**
   * The oldest mail nobody has taken yet, to this address and with a subject of this pattern if they are given; waits for
   * it if it has not come.
   */
  async next({ to, subject } = {}) {
    const isTo = (mail) => !to || mail.to.some((one) => one.toLowerCase() === to.toLowerCase());
    const wants = (mail) => isTo(mail) && (!subject || subject.test(mail.subject));
    const found = this.#unread.findIndex(wants);
    if (found >= 0) return this.#unread.splice(found, 1)[0];
    const late = new AbortController();
    const arrived = new Promise((take) => this.#waiting.push({ wants, take }));
    const gaveUp = pause(PATIENCE_MS, null, { signal: late.signal }).catch(() => new Promise(() => {}));
    const mail = await Promise.race([arrived, gaveUp]);
    late.abort();
    if (!mail) throw new Error(`no mail to ${to ?? 'anybody'}${subject ? ` about ${subject}` : ''} within ${PATIENCE_MS} ms`);
    return mail;
  }

  /** Mails nobody has taken yet. */
  get unread() {
    return [...this.#unread];
  }

  async stop() {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin.end();
    return await ended;
  }
}
