export interface MailContent {
  subject: string
  text: string
  html: string
}

/** The link of a mail, and its token for readers without a web application. */
export interface MailLink {
  url: string
  token: string
}

interface Template {
  subject: string
  /** Paragraphs before the link, and after it. */
  before: string[]
  after: string[]
}

/** A mail contains no text of the request's sender: mails to strangers' addresses must not carry messages. */
const templates = {
  'verify-email': {
    subject: 'Confirm your e-mail address',
    before: ['Please confirm that this is your e-mail address.'],
    after: ['The link is good for 24 hours. If you have no account with us, ignore this mail.']
  },
  'confirm-registration': {
    subject: 'Confirm your registration',
    before: [
      'Somebody, probably you, has registered with this e-mail address. The account begins when you confirm it.'
    ],
    after: ['The link is good for 24 hours. If it was not you, ignore this mail: nothing happens then.']
  },
  'address-in-use': {
    subject: 'You have an account already',
    before: [
      'Somebody, probably you, wants this e-mail address for an account.',
      'You have an account with it already: log in, or ask for a new password.'
    ],
    after: ['If it was not you, ignore this mail: nothing has changed.']
  },
  'reset-password': {
    subject: 'Choose a new password',
    before: [
      'Somebody, probably you, has asked for a new password for your account.',
      'The link lets you choose one, and ends all sessions.'
    ],
    after: ['The link is good for one hour, and once. If it was not you, ignore this mail: nothing has changed.']
  },
  invitation: {
    subject: 'You have an account',
    before: ['An administrator has made an account for this e-mail address. Choose a password to begin.'],
    after: ['The link is good for seven days, and once. After that, ask for a new password.']
  },
  'reset-required': {
    subject: 'Choose a new password',
    before: ['An administrator has ended your sessions and your password. Choose a new one.'],
    after: ['The link is good for one day, and once. After that, ask for a new password.']
  },
  'confirm-email-change': {
    subject: 'Confirm your new e-mail address',
    before: [
      'Somebody, probably you, wants this e-mail address for an account. The account has it when you confirm it.'
    ],
    after: ['The link is good for 24 hours, and once. If it was not you, ignore this mail: nothing happens then.']
  },
  'email-change-requested': {
    subject: 'Another e-mail address for your account',
    before: [
      'Somebody, probably you, has asked for another e-mail address for your account.',
      'It changes when the link in the mail to the new address is opened.'
    ],
    after: ['If it was not you, choose a new password at once: the link is void then.']
  },
  'email-changed': {
    subject: 'Your e-mail address was changed',
    before: ['Your account has another e-mail address from now on. This one opens it no more.'],
    after: ['If it was not you, tell the operator of the service at once.']
  },
  'password-changed': {
    subject: 'Your password was changed',
    before: ['The password of your account was changed, and the other sessions were ended.'],
    after: ['If it was not you, ask for a new password at once.']
  },
  'role-changed': {
    subject: 'The role of your account was changed',
    before: ['What your account may do was changed, and its sessions and keys were ended. Log in again.'],
    after: ['If you do not know why, ask the operator of the service.']
  },
  'account-deleted': {
    subject: 'Your account was deleted',
    before: ['The account with this e-mail address was deleted, with its sessions, keys and posts.'],
    after: ['If it was not you, tell the operator of the service. The address is free for a new account.']
  },
  'api-key-created': {
    subject: 'A key was made for your account',
    before: ['A key was made with which a program can act as you.'],
    after: ['If it was not you, delete the key and choose a new password at once.']
  },
  'api-key-deleted': {
    subject: 'A key of your account was deleted',
    before: ['A key with which a program could act as you was deleted. It works no more.'],
    after: ['If it was not you, choose a new password at once.']
  }
} satisfies Record<string, Template>

export type MailKind = keyof typeof templates

export function renderMail (kind: MailKind, link?: MailLink): MailContent {
  const { subject, before, after } = templates[kind]
  const linkText = link ? [`${link.url}\n\nor enter this code:\n\n${link.token}`] : []
  const linkHtml = link
    ? [
      `<p><a href="${escapeHtml(link.url)}">${escapeHtml(subject)}</a></p>`,
      `<p>or enter this code:</p><p><code>${escapeHtml(link.token)}</code></p>`
      ]
    : []
  const paragraphs = (texts: string[]) => texts.map((text) => `<p>${escapeHtml(text)}</p>`)
  return {
    subject,
    text: `${[...before, ...linkText, ...after].join('\n\n')}\n`,
    html: `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(subject)}</title><body>${
      [...paragraphs(before), ...linkHtml, ...paragraphs(after)].join('')
    }</body></html>\n`
  }
}

function escapeHtml (text: string) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
