// What the pages call things, and where they are: the one place to change when the pages do. Texts are matched as people
// read them; patterns where the wording may vary without anybody minding.

export const PATHS = {
  signIn: '/auth/signin',
  signUp: '/auth/signup',
  finishSignUp: '/auth/signup/finish',
  account: '/account',
  profile: '/account/profile',
  password: '/account/password',
  email: '/account/email',
  confirmEmail: '/auth/email/confirm',
  undoEmail: '/auth/email/undo',
  delete: '/account/delete',
  export: '/account/export',
  confirm: '/auth/confirm',
  openMagicLink: '/auth/link/open',
  code: '/auth/code',
  forgot: '/auth/forgot',
  reset: '/auth/reset',
  verify: '/auth/verify',
  admin: '/admin',
  adminRecord: '/admin/audit',
  adminUsers: '/admin/users',
  start: (provider) => `/auth/provider/${provider}/start`,
  link: (provider) => `/auth/provider/${provider}/link`,
  callback: (provider) => `/auth/provider/${provider}/callback`,
};

/** What stands on buttons and links, by what they do. */
export const BUTTON = {
  signIn: /^Sign in$/,
  signOut: /^Sign out$/,
  signUp: /^Go on$/,
  finishSignUp: /^Make the account$/,
  provider: (name) => new RegExp(`^Continue with ${name}$`),
  link: (name) => new RegExp(`^Link ${name}$`),
  goOnTo: (name) => new RegExp(`^Go on to ${name}$`),
  unlink: (name) => new RegExp(`^Unlink ${name}$`),
  magicLink: /^E-mail me a link$/,
  openMagicLink: /^Sign in$/,
  sendCode: /^E-mail me a code$/,
  useCode: /^Go on$/,
  forgot: /^Send me a link$/,
  reset: /^Use this password$/,
  verify: /^Yes, it is mine$/,
  sendVerification: /^Send me the link again$/,
  changeEmail: /^Send me the link$/,
  confirmEmail: /^Use this address$/,
  undoEmail: /^Take the account back$/,
  changePassword: /^Change it$/,
  setPassword: /^Set it$/,
  saveProfile: /^Save$/,
  confirm: /^Go on$/,
  deleteAccount: /^Delete my account$/,
  export: /^Download my data$/,
  find: /^Find$/,
  ban: /^Ban$/,
  unban: /^Take the ban back$/,
  impersonate: /^See as this person$/,
  delete: /^Delete/,
  stopImpersonating: /^End$/,
};

/** What labels name inputs. */
export const FIELD = {
  name: 'Your name',
  email: 'E-mail address',
  password: 'Password',
  newEmail: 'New e-mail address',
  newPassword: 'New password',
  code: 'Code',
  typeAddress: 'Type your address to go on',
};

/** What pages have to say, somewhere in their main part. */
export const SAYS = {
  mailSent: /is on its way|is in a mail|Look into your mail/,
  linkUsedUp: /not good any more/,
  wrongCode: /This is not the code/,
  alreadyLinked: /linked to another account here/,
  otherAddress: /has another e-mail address than yours here/,
  denied: /You did not let Google sign you in here/,
  notSignedIn: /You are not signed in/,
  providerFailed: /(does not answer right now|answered unexpectedly)/,
  stateMismatch: /(does not belong to a sign-in that began in this browser|This sign-in is over)/,
  otherIssuer: /made by somebody else than you were sent to/,
  noIssuer: /does not say who made it/,
  lastWayIn: /only way into your account/,
  impersonating: /You are seeing this as/,
  banned: /Banned since/,
  suspended: /This account is suspended/,
  verified: /Confirmed/,
  notVerified: /Not confirmed/,
};

export const PROVIDERS = {
  google: 'Google',
  microsoft: 'Microsoft',
  generic: 'Example ID',
  github: 'GitHub',
};
