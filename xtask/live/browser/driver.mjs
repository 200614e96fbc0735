// A browser that a test drives from another process.
//
//   node driver.mjs OPTIONS
//
// OPTIONS: JSON with `program` (Chromium), `hosts` (rules of --host-resolver-rules) and `patience` (milliseconds that
// an element, a text, a URL may take). Each line of standard input is a command {id, do, …}, each line of standard
// output an answer {id, value} or {id, error, page}; commands run side by side. It ends when its input does, and
// Chromium with it.
//
// Elements are told by Playwright's selectors, of which exactly one must match: `role=button[name="Sign in"]`,
// `text=Welcome`, `[name=user]`.
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const { program, hosts, patience } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({
  executablePath: program,
  chromiumSandbox: false,
  args: [`--host-resolver-rules=${hosts}`, '--no-proxy-server'],
});

/** Where the browser says that it is when it shows a page of its own. */
const ITS_OWN = 'chrome-error://chromewebdata/';

const people = [];
const tabs = [];

/** A tab: its page, the answers to its navigations (redirects too), and what the browser complained about. */
const watched = (page) => {
  const tab = { page, url: '', status: 0, trail: [], complaints: [] };
  page.setDefaultTimeout(patience);
  page.on('response', (response) => {
    const request = response.request();
    if (!request.isNavigationRequest() || response.frame() !== page.mainFrame()) return;
    const status = response.status();
    tab.trail.push({ method: request.method(), url: response.url(), status });
    if (status < 300 || status >= 400) Object.assign(tab, { status, url: response.url() });
  });
  page.on('console', (message) => {
    if (message.type() === 'error') tab.complaints.push(message.text());
  });
  page.on('pageerror', (error) => tab.complaints.push(String(error)));
  return tab;
};

/** What the tab shows. */
const shown = async ({ page, status, url }) => ({
  url: page.url() === ITS_OWN ? url : page.url(),
  status,
  title: await page.title(),
  text: await page.evaluate(() => document.body?.innerText ?? ''),
});

const settled = async (tab) => {
  await tab.page.waitForLoadState();
  return shown(tab);
};

// What runs in the page itself, under its own policy.
const inPage = {
  fetch: async ({ url, options }) => {
    const answer = await fetch(url, options);
    const { status, type, redirected } = answer;
    const headers = Object.fromEntries(answer.headers);
    return { status, type, redirected, url: answer.url, headers, body: await answer.text() };
  },
  open: ({ url }) => new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.ended = new Promise((end) => {
      socket.onclose = ({ code, reason, wasClean }) => {
        end({ code, reason, clean: wasClean });
        reject(new Error(`the WebSocket was closed with ${code} before it was open`));
      };
    });
    window.sockets = [...(window.sockets ?? []), socket];
    socket.onopen = () => resolve(window.sockets.length - 1);
  }),
  ended: ({ socket }) => window.sockets[socket].ended,
};

const commands = {
  person: async ({ options }) => people.push(await browser.newContext(options)) - 1,
  tab: async ({ person }) => tabs.push(watched(await people[person].newPage())) - 1,
  cookies: ({ person }) => people[person].cookies(),
  set_cookies: ({ person, cookies }) => people[person].addCookies(cookies),
  clear_cookies: ({ person, filter }) => people[person].clearCookies(filter),
  leave: ({ person }) => people[person].close(),

  goto: async ({ tab, url }) => {
    // An answer without a body is an answer too, though the browser puts a page of its own in its place.
    await tab.page.goto(url).catch(async (error) => {
      if (!error.message.includes('ERR_HTTP_RESPONSE_CODE_FAILURE')) throw error;
      await tab.page.waitForURL(ITS_OWN);
    });
    return shown(tab);
  },
  back: async ({ tab }) => {
    await tab.page.goBack();
    return shown(tab);
  },
  reload: async ({ tab }) => {
    await tab.page.reload();
    return shown(tab);
  },
  shown: ({ tab }) => settled(tab),
  fill: ({ tab, at, text }) => tab.page.fill(at, text, { strict: true }),
  press: ({ tab, at, key }) => tab.page.press(at, key, { strict: true }),
  click: ({ tab, at }) => tab.page.click(at, { strict: true }),
  until_url: async ({ tab, url }) => {
    await tab.page.waitForURL(url);
    return settled(tab);
  },
  until_text: async ({ tab, text }) => {
    await tab.page.getByText(text).first().waitFor();
    return settled(tab);
  },
  fetch: ({ tab, ...rest }) => tab.page.evaluate(inPage.fetch, rest),
  open_socket: ({ tab, ...rest }) => tab.page.evaluate(inPage.open, rest),
  socket_ended: ({ tab, ...rest }) => tab.page.evaluate(inPage.ended, rest),
  run: ({ tab, script }) => tab.page.evaluate(script),
  trail: ({ tab }) => tab.trail.splice(0),
  complaints: ({ tab }) => tab.complaints.splice(0),
  look: async ({ tab, viewport, media }) => {
    if (viewport) await tab.page.setViewportSize(viewport);
    await tab.page.emulateMedia(media);
  },
  screenshot: ({ tab, path }) => tab.page.screenshot({ path, fullPage: true }).then(() => null),
  outline: ({ tab }) => tab.page.locator('body').ariaSnapshot(),
  close: ({ tab }) => tab.page.close(),
};

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  const { id, do: what, ...rest } = JSON.parse(line);
  const tab = tabs[rest.tab];
  Promise.resolve()
    .then(() => commands[what](tab ? { ...rest, tab } : rest))
    .then((value) => say({ id, value: value ?? null }))
    .catch(async (error) => {
      const page = tab && await shown(tab).catch(() => undefined);
      say({ id, error: error.message.split('\nCall log:')[0], page: page ?? null });
    });
}
await browser.close();
