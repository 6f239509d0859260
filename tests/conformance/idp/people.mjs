// Who has an account at the providers. The same people everywhere, with the same addresses, so that a journey can meet
// somebody again who came by another door.

/** The tenant Microsoft keeps private accounts in; the others are made up. */
export const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad';
export const WORK = '11111111-aaaa-4bbb-8ccc-111111111111';
export const FOREIGN = '22222222-aaaa-4bbb-8ccc-222222222222';

/** `key` is what tests call them; `hd` is the domain of their Google Workspace, `tid` their tenant at Microsoft. */
export const PEOPLE = [
  person(1, 'ada', 'Ada', 'Lovelace', { email: 'ada@example.org' }),
  // Works somewhere: a Workspace domain at Google, a tenant of her own at Microsoft.
  person(2, 'grace', 'Grace', 'Hopper', { email: 'grace@navy.example', hd: 'navy.example', tid: WORK }),
  // Writes his address as other people do not.
  person(3, 'edsger', 'Edsger', 'Dijkstra', { email: 'Edsger.Dijkstra@Example.ORG' }),
  // Says that Ada's address is his. No provider has seen proof, and at Microsoft he runs the tenant that says so.
  person(4, 'mallory', 'Mallory', 'Malone', { email: 'ada@example.org', verified: false, hd: 'evil.example', tid: FOREIGN }),
  // Tells nobody an address.
  person(5, 'noor', 'Noor', 'Khan', { email: null }),
  // An address nobody has verified and nobody else has.
  person(6, 'newton', 'Isaac', 'Newton', { email: 'newton@example.org', verified: false }),
];

function person(number, key, given, family, { email, verified = true, hd = null, tid = CONSUMERS }) {
  return { number, key, given, family, name: `${given} ${family}`, email, verified: email !== null && verified, hd, tid };
}

export const byKey = (key) => PEOPLE.find((one) => one.key === key);

/** An id in the form of a UUID, the same in every run. */
export const uuidOf = (one, kind) => `0000000${one.number}-${kind}-4000-8000-${String(one.number).repeat(12)}`;
