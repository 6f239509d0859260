// Between the library and the person: which page is due, and what the answer on it means.

import { readForm, send } from './request.mjs';
import { PEOPLE, byKey } from './people.mjs';

const html = (body, status = 200) => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
  },
  body,
});

/** `GET <uid>` shows a page; `POST <uid>/login|consent|deny` answers it. */
export async function interact({ personality, mount, provider }, [uid, action], request, response) {
  const found = await provider.interactionDetails(request, response).catch(() => null);
  if (!found || found.uid !== uid) {
    return send(response, html(personality.pages.failure({ error: 'This page is out of date.' }), 400));
  }
  const finish = (result) => provider.interactionFinished(request, response, result, { mergeWithLastSubmission: !result.error });
  const { auto } = personality.switches;
  if (request.method === 'POST' || auto) {
    const form = request.method === 'POST' ? await readForm(request) : new URLSearchParams();
    const step = auto ? automatic(auto, found) : action;
    return await finish(await resultOf(step, { auto, form, found, personality, provider, mount }));
  }
  return send(response, html(await pageOf(found, { personality, mount, provider })));
}

const automatic = (auto, { prompt }) => (prompt.name !== 'consent' ? 'login' : auto.deny ? 'deny' : 'consent');

const offered = ({ personality, mount }, { params }) =>
  PEOPLE.filter((one) => personality.description.offers(one, { params, switches: personality.switches, mount }));

async function pageOf(found, place) {
  const { personality, mount, provider } = place;
  const action = `${mount}/interaction/${found.uid}`;
  if (found.prompt.name !== 'consent') return personality.pages.chooser(action, offered(place, found));
  const client = await provider.Client.find(found.params.client_id);
  return personality.pages.consent(action, client.clientName, (found.params.scope ?? '').split(' '));
}

async function resultOf(step, place) {
  const { auto, form, found, personality } = place;
  if (step === 'login') {
    const person = byKey(auto?.person ?? form.get('person'));
    if (person && offered(place, found).includes(person)) {
      return { login: { accountId: personality.claimsOf(person).sub, amr: ['pwd'] }, select_account: {} };
    }
  }
  if (step === 'consent') return { consent: { grantId: await grant(place) } };
  return { error: 'access_denied', error_description: 'The person said no.' };
}

async function grant({ found, personality, provider }) {
  const { grantId, params, prompt, session } = found;
  const known = grantId ? await provider.Grant.find(grantId) : undefined;
  const granted = known ?? new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope, missingOIDCClaims } = prompt.details;
  if (missingOIDCScope) granted.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims) granted.addOIDCClaims(missingOIDCClaims);
  const id = await granted.save();
  if (personality.description.grantsRefresh?.(params)) personality.markOffline(id);
  return id;
}
