// Plays GitHub: OAuth without OpenID, so there are no id tokens and no metadata, and who somebody is stands behind an API.
// Its quirks: tokens come as a form unless JSON is asked for, errors of the token endpoint have status 200, scopes are
// joined by commas, and the API answers nobody without a User-Agent.

const SCOPES = ['read:user', 'user:email'];

export const github = {
  id: 'github',
  mounts: ['/github'],
  switches: {
    /** Whether `/user` shows the address; else only `/user/emails` does. */
    publicEmail: false,
    accessTokenTtl: 28_800,
  },
  routes: { authorization: '/login/oauth/authorize', token: '/login/oauth/access_token' },
  metadataPath: null,
  library: { scopes: SCOPES, claims: {}, extraParams: ['login', 'allow_signup'], rotateRefreshToken: false },
  sendsIssuer: false,
  offers: () => true,
  claims: (person) => ({ sub: String(1000 + person.number) }),

  request(params) {
    if (!params.get('scope')) params.set('scope', SCOPES[0]);
  },

  token({ access_token, token_type, scope, ...rest }) {
    return access_token ? { access_token, token_type: token_type.toLowerCase(), scope: scope.replaceAll(' ', ',') } : rest;
  },

  /** The whole answer of the token endpoint. */
  tokenAnswer(answer, request) {
    const body = JSON.parse(answer.body);
    const status = answer.status < 500 ? 200 : answer.status;
    if (/json/.test(request.headers.accept ?? '')) return { ...answer, status };
    const headers = { ...answer.headers, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    return { status, headers, body: new URLSearchParams(body).toString() };
  },

  /** What the API answers, by path; `null` is 404. */
  api: {
    '/user': (person, { base, switches }) => ({
      login: person.key,
      id: 1000 + person.number,
      node_id: `MDQ6VXNlcj${person.number}`,
      avatar_url: `${base}/pictures/${person.key}/96`,
      html_url: `${base}/github/${person.key}`,
      type: 'User',
      site_admin: false,
      name: person.name,
      email: switches.publicEmail ? person.email : null,
    }),
    '/user/emails': (person, { scopes }) => {
      if (!scopes.has('user:email')) return null;
      const noreply = {
        email: `${1000 + person.number}+${person.key}@users.noreply.github.example`,
        primary: false,
        verified: true,
        visibility: null,
      };
      const own = { email: person.email, primary: true, verified: person.verified, visibility: 'private' };
      return person.email ? [noreply, own] : [{ ...noreply, primary: true }];
    },
  },
};
