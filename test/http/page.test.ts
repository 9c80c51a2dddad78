import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { openPage, startBrowser } from '../support/browser.js';
import { freePort } from '../support/free-port.js';
import { startWithHttp, token } from '../support/http-replication.js';
import { type Replication, type ReplicationOptions, startReplication } from '../support/replication.js';
import { tempDirectory } from '../support/temp-tree.js';
import { waitFor } from '../support/wait-for.js';

const pictures = fileURLToPath(new URL('../../screenshots/', import.meta.url));
const limitMs = 60_000;

/** A replication and the address of its page. */
const start = async (t: TestContext, options?: ReplicationOptions): Promise<[Replication, string]> => {
  const { replication, port } = await startWithHttp(t, options);
  return [replication, `http://127.0.0.1:${port}/`];
};

/** Takes a picture of the whole page, for people to look at. */
const shoot = async (page: Page, name: string): Promise<void> => {
  mkdirSync(pictures, { recursive: true });
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    await page.screenshot({ path: join(pictures, `${name}-${width}.png`), fullPage: true });
    const wide = await page.evaluate('document.documentElement.scrollWidth');
    assert.ok(Number(wide) <= width, `${name}: nothing sticks out at ${width} px, but it is ${wide} wide`);
  }
};

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe finds that keeps people from using the page. */
const faultsOf = async (page: Page): Promise<string[]> => {
  await page.evaluate(readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8'));
  const found: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = (await page.evaluate('axe.run(document)')) as { readonly violations: Finding[] };
    for (const { id, impact, nodes } of violations)
      if (impact === 'serious' || impact === 'critical')
        found.push(
          ...nodes.map(({ html, failureSummary }) => `${colorScheme} ${id}: ${html}\n${failureSummary}`),
        );
  }
  return found;
};

/** The text of a target's cell below a title. */
const cell = (page: Page, target: string, title: string) =>
  page.locator('.targets tbody tr', { hasText: target }).locator(`[data-title="${title}"]`);

test('a target that goes down and comes back is seen, without a word to anybody else', async (t) => {
  const [{ source, daemons }, url] = await start(t, { files: { 'a.txt': 'one' } });
  const browser = await startBrowser(t);
  const { page, complaints, requests } = await openPage(browser, url);
  await page.getByRole('heading', { name: 'Both targets are in sync' }).waitFor({ timeout: limitMs });
  assert.equal(await page.locator('#tree').textContent(), source.path);
  await shoot(page, 'in-sync');
  assert.deepEqual(await faultsOf(page), []);
  const [first] = daemons;
  await first?.stop('SIGKILL');
  source.write('b.txt', 'two');
  await cell(page, 'target-1', 'State').getByText('down, retrying').waitFor({ timeout: limitMs });
  await cell(page, 'target-2', 'State').getByText('in sync').waitFor({ timeout: limitMs });
  const notice = page.getByRole('region', { name: 'Needs attention' });
  await notice.getByText('CONNECTION_REFUSED').waitFor({ timeout: limitMs });
  assert.match((await notice.textContent()) ?? '', /What to do: ./);
  await page
    .getByRole('status')
    .getByText('Down: target-1.')
    .waitFor({ state: 'attached', timeout: limitMs });
  await waitFor(async () => (await cell(page, 'target-1', 'Lag').locator('.value').textContent()) !== '0 s', {
    what: 'the lag grows',
  });
  await shoot(page, 'down');
  assert.deepEqual(await faultsOf(page), []);
  await first?.start();
  await page.getByRole('heading', { name: 'Both targets are in sync' }).waitFor({ timeout: limitMs });
  assert.equal(await notice.isVisible(), false);
  assert.deepEqual(complaints, []);
  assert.ok(requests.length > 5);
  assert.deepEqual(
    requests.filter((request) => !request.startsWith(url)),
    [],
  );
});

test('held deletes are approved with the token, by the keyboard alone; names are texts', async (t) => {
  const evil = '<img src=x onerror=document.title="broken">';
  const files = Object.fromEntries([
    ...Array.from({ length: 1_100 }, (_, i) => [`d${i % 11}/f${i}`, `${i}`]),
    [`d1/${evil}`, 'x'],
  ]);
  const [replication, url] = await start(t, { files, targets: 2 });
  const browser = await startBrowser(t);
  const { page, complaints } = await openPage(browser, url, { colorScheme: 'dark' });
  for (let i = 1; i < 10; i++)
    for (const name of Object.keys(files)) if (name.startsWith(`d${i}/`)) replication.source.remove(name);
  const held = page.getByRole('region', { name: 'Held deletes' });
  const article = held.locator('article', { hasText: 'target-1' });
  await article.waitFor({ timeout: limitMs });
  await article.locator('summary').click();
  await shoot(page, 'held');
  assert.deepEqual(await faultsOf(page), []);
  const approve = article.getByRole('button', { name: 'Approve: delete them: target-1' });
  const decide = async (): Promise<void> => {
    await approve.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByText(/^Delete .* at target-1\?/).waitFor({ timeout: limitMs });
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
  };
  await decide();
  await article.getByText('Enter the token first.').waitFor({ timeout: limitMs });
  await page.getByLabel(/^Token/).fill('not-the-token-at-all');
  await decide();
  await article.getByText('This is not the token.').waitFor({ timeout: limitMs });
  await page.getByLabel(/^Token/).fill(token);
  await decide();
  await waitFor(() => replication.targets[0]?.count() === replication.source.count(), {
    what: 'the first target deletes',
  });
  assert.ok((replication.targets[1]?.count() ?? 0) > replication.source.count(), 'the other one waits');
  await held
    .locator('article', { hasText: 'target-2' })
    .getByRole('button', { name: /^Reject/ })
    .click();
  await page.getByRole('dialog').getByRole('button', { name: 'Keep' }).click();
  await held.getByText(/kept by an earlier rejection/).waitFor({ timeout: limitMs });
  assert.notEqual(await page.title(), 'broken');
  // A refusal of the server is a line in the console of the browser, and that is all.
  assert.deepEqual(
    complaints.filter((text) => !/status of 401/.test(text)),
    [],
  );
});

test('a stuck path is shown with its reason, and with its name as it is', async (t) => {
  const [{ source }, url] = await start(t, {
    targets: 1,
    before: (daemon) => daemon.configure((text) => `${text}exclude = /forbidden*\n`),
  });
  const name = 'forbidden <img src=x onerror=document.title=1>';
  source.write(name, 'x');
  const browser = await startBrowser(t);
  const { page, complaints } = await openPage(browser, url);
  await page
    .getByRole('region', { name: 'Stuck paths' })
    .getByText(name, { exact: true })
    .waitFor({ timeout: limitMs });
  assert.equal(await page.locator('.stuck .path').textContent(), name);
  await shoot(page, 'stuck');
  assert.deepEqual(await faultsOf(page), []);
  assert.notEqual(await page.title(), '1');
  assert.deepEqual(complaints, []);
});

test('the page connects again after the process was started anew', async (t) => {
  const tokenFile = join(tempDirectory(t, 'http'), 'token');
  writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
  const port = await freePort();
  const replication = await startReplication(t, {
    targets: 1,
    config: { http: { listen: `127.0.0.1:${port}`, tokenFile } },
  });
  const browser = await startBrowser(t);
  const { page } = await openPage(browser, `http://127.0.0.1:${port}/`);
  await page.getByText('live', { exact: true }).waitFor({ timeout: limitMs });
  await replication.imgsync.stop();
  await page.getByText('no connection, trying again …').waitFor({ timeout: limitMs });
  await replication.restart();
  await page.getByText('live', { exact: true }).waitFor({ timeout: limitMs });
  await page.getByRole('heading', { name: 'The target is in sync' }).waitFor({ timeout: limitMs });
});
