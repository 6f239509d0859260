// An agent that opens pages for its person, made of one of the official TypeScript SDKs.

import assert from 'node:assert/strict';
import { application } from '../clients/typescript.mjs';

const URL_ELICITATION_REQUIRED = -32042;

export class PayingAgent {
  /** From the first 401 on; `person` answers the consent page. */
  static async connect(server, kind, person) {
    const capabilities = { elicitation: { url: {} } };
    const { redirect, provider, dial, finish } = await application(
      server,
      { ...kind, options: { ...kind.options, capabilities } },
      person,
    );
    const first = dial();
    await assert.rejects(first.done, kind.sdk.UnauthorizedError);
    await finish(first.transport);
    const { client, transport, done } = dial();
    const agent = Object.assign(new PayingAgent(), { kind, redirect, provider, client, transport });
    // The present protocol asks within the call, which goes on with the answer.
    if (agent.isModern) client.setRequestHandler('elicitation/create', ({ params }) => agent.#open(params));
    await done;
    agent.token = provider.saved.access_token;
    return agent;
  }

  get isModern() {
    return this.kind.revision === '2026-07-28';
  }

  async call(name, args = {}) {
    return await this.client.callTool({ name, arguments: args });
  }

  /** The answer of a call that nothing stands in the way of. */
  async run(name, args) {
    const answer = await this.call(name, args);
    assert.ok(!answer.isError, JSON.stringify(answer));
    return answer;
  }

  /**
   * A call the person has to open a page for. `url` is that page; `afterwards` lets the call go on, in the protocol before by
   * making it again, and gives its answer.
   */
  async ask(name, args) {
    let goOn;
    const opened = new Promise((resolve) => (goOn = resolve));
    const asked = new Promise((resolve) => {
      this.#onAsked = async (params) => {
        resolve(params);
        return await opened;
      };
    });
    const answered = this.call(name, args).then((answer) => ({ answer }), (error) => ({ error }));
    const { params, answer, error } = await Promise.race([asked.then((params) => ({ params })), answered]);
    if (this.isModern) {
      assert.ok(params, `nothing was asked: ${JSON.stringify(answer)} ${error}`);
      const finish = async (action) => {
        goOn({ action });
        const { answer, error } = await answered;
        if (error) throw error;
        return answer;
      };
      return { url: urlOf(params), afterwards: () => finish('accept'), decline: () => finish('decline') };
    }
    assert.equal(error?.code, URL_ELICITATION_REQUIRED, `nothing was asked: ${JSON.stringify(answer)} ${error}`);
    return { url: urlOf(error.data.elicitations[0]), afterwards: () => this.call(name, args), decline: async () => {} };
  }

  #onAsked = null;

  async #open(params) {
    return await this.#onAsked(params);
  }

  async close() {
    await this.transport.terminateSession();
    await this.client.close();
    this.redirect.close();
  }
}

function urlOf({ mode, url, message }) {
  assert.equal(mode, 'url');
  assert.match(message, /needs Pro/);
  return url;
}
