// What a client says and hears while it finds its way, for checks that ask what the server answered.

/** A `fetch` that remembers, and what it remembers. */
export function watch() {
  const seen = [];
  const watching = async (input, init = {}) => {
    const response = await fetch(input, init);
    const url = String(input.url ?? input);
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    seen.push({
      url,
      method: init.method ?? input.method ?? 'GET',
      authorization: new Headers(init.headers ?? input.headers).get('authorization'),
      status: response.status,
      challenge: response.headers.get('www-authenticate') ?? '',
      body: isJson ? await response.clone().json().catch(() => null) : null,
    });
    return response;
  };
  return { seen, fetch: watching };
}

/** A parameter of a challenge (RFC 9110 section 11.2), written as a quoted string. */
export const parameter = (challenge, name) => challenge.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1];
