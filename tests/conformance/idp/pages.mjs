// The pages people see: who they are, and whether they agree. No scripts, and buttons that say what they do.

const escape = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

const page = (title, body) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<title>${escape(title)}</title>
<style>:root{color-scheme:light dark}body{font:1rem/1.5 sans-serif;max-width:26rem;margin:2rem auto;padding:0 1rem}
button{font:inherit;display:block;width:100%;margin:.5rem 0;padding:.6rem;text-align:start}</style></head>
<body><main><h1>${escape(title)}</h1>${body}</main></body></html>`;

export class Pages {
  constructor(name) {
    this.name = name;
  }

  chooser(action, people) {
    const buttons = people.map(
      (person) =>
        `<button name="person" value="${person.key}">${escape(person.name)}<br><small>${escape(person.email ?? 'no address')}</small></button>`,
    );
    return page(
      `Choose an account at ${this.name}`,
      `<form method="post" action="${escape(action)}/login">${buttons.join('')}</form>${this.#cancel(action)}`,
    );
  }

  consent(action, client, scopes) {
    const list = scopes.map((scope) => `<li>${escape(scope)}</li>`).join('');
    return page(
      `${client} wants to know you by ${this.name}`,
      `<ul>${list}</ul><form method="post" action="${escape(action)}/consent"><button>Continue</button></form>${this.#cancel(action)}`,
    );
  }

  failure(details) {
    const lines = Object.entries(details).map(([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`);
    return page(`${this.name} cannot go on`, `<dl>${lines.join('')}</dl>`);
  }

  #cancel(action) {
    return `<form method="post" action="${escape(action)}/deny"><button>Cancel</button></form>`;
  }
}
