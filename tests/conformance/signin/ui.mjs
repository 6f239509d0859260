// What the pages call things, and where they are: the one place to change when the pages do. Texts are matched as people
// read them; patterns where the wording may vary without anybody minding.

export const PATHS = {
  signIn: '/auth/signin',
  signUp: '/auth/signup',
  account: '/account',
  profile: '/account/profile',
  password: '/account/password',
  email: '/account/email',
  delete: '/account/delete',
  export: '/account/export',
  confirm: '/auth/confirm',
  magicLink: '/auth/link',
  code: '/auth/code',
  forgot: '/auth/forgot',
  adminUsers: '/admin/users',
  start: (provider) => `/auth/provider/${provider}/start`,
  callback: (provider) => `/auth/provider/${provider}/callback`,
};

/** What stands on buttons and links, by what they do. */
export const BUTTON = {
  signIn: /^Sign in$/,
  signOut: /^Sign out$/,
  signUp: /^Create the account$/,
  provider: (name) => new RegExp(`(Continue|Sign in|Sign up) with ${name}`),
  confirmWith: (name) => new RegExp(`with ${name}`),
  link: (name) => new RegExp(`(Link|Connect) ${name}`),
  unlink: (name) => new RegExp(`(Unlink|Disconnect|Remove)( ${name})?`),
  magicLink: /(Mail|Send|E-mail) me a (sign-in )?link/,
  openMagicLink: /^Sign in/,
  sendCode: /(Mail|Send|E-mail) me a (sign-in )?code/,
  useCode: /^Sign in/,
  forgot: /(Send|Mail|E-mail) me a link|Reset/,
  reset: /(Set|Save|Change) (the|my|a) (new )?password/,
  verify: /(Verify|Confirm)/,
  sendVerification: /(Verify|Send|Resend).*(address|verification|link|mail)/,
  changeEmail: /(Change|Save).*(address|e-mail)/i,
  changePassword: /(Change|Save|Set).*password/i,
  saveProfile: /Save/,
  confirm: /(Confirm|Continue)/,
  deleteAccount: /Delete (my|the|this) account/,
  export: /(Download|Export)/,
  ban: /^(Ban|Suspend|Lock)/,
  unban: /^(Lift|Unban|Unlock|Let)/,
  impersonate: /(Impersonate|Sign in as|Act as)/,
  stopImpersonating: /(Stop|End|Back)/,
};

/** What labels name inputs. */
export const FIELD = {
  name: 'Your name',
  email: 'E-mail address',
  password: 'Password',
  newEmail: /New e-mail address/i,
  currentPassword: /Current password/i,
  newPassword: /New password/i,
  code: /Code/i,
};

/** What pages have to say, somewhere in their main part. */
export const SAYS = {
  mailSent: /mail|sent/i,
  linkUsedUp: /not good any more|expired|used/i,
  wrongCode: /code/i,
  alreadyLinked: /already|another account/i,
  notLinked: /sign in|exists|link/i,
  denied: /denied|did not|cancel|no access|refus/i,
  providerFailed: /(could not|not answer|try again|went wrong|unavailable)/i,
  stateMismatch: /(browser|expired|again|start)/i,
  impersonating: /(acting as|impersonat|signed in as)/i,
  banned: /(banned|suspended|locked)/i,
  verified: /verified/i,
};

export const PROVIDERS = {
  google: 'Google',
  microsoft: 'Microsoft',
  generic: 'Example ID',
  github: 'GitHub',
};
