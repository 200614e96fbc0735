// The pages of sign_in.mjs: plain enough for a test to fill in.

/** What the second factor shows, always. */
export const CODE = '246810';

const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

export const page = (title, content) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title><h1>${escaped(title)}</h1>${content}</html>`;

/** Asks for what it `needs`: a password (and whose), a code. `user` is who is known already, `note` what went wrong. */
export const signInPage = (name, needs, user, note = '') => {
  const field = (label, key, type) => `<p><label>${label} <input name="${key}" type="${type}"></label></p>`;
  const fields = [
    needs.password ? field('User', 'user', 'text') + field('Password', 'password', 'password') : '',
    needs.code ? field('Code', 'code', 'text') : '',
  ].join('');
  const buttons = '<button name="answer" value="sign-in">Sign in</button>'
    + '<button name="answer" value="cancel">Cancel</button>';
  const who = user ? `<p>You are ${escaped(user)}.</p>` : '';
  return page(`Sign in at ${name}`, `<p role="alert">${note}</p>${who}<form method="post">${fields}${buttons}</form>`);
};
