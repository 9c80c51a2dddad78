import { accessSync, constants } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { atEnd, type Scope } from './scope.js';

/** Where Debian, Fedora and Google put it. */
const programs = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const isThere = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Starts a browser without a window that ends with the scope. */
export const startBrowser = async (scope: Scope): Promise<Browser> => {
  const executablePath = programs.find(isThere);
  if (executablePath === undefined) throw new Error(`no browser: ${programs.join(', ')}`);
  // Its own sandbox does not run as root, nor in many containers.
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  atEnd(scope, () => browser.close());
  return browser;
};

/** A page and what it did. */
export interface OpenPage {
  readonly page: Page;
  /** What it complained of: messages of level error or warning, and uncaught errors. */
  readonly complaints: string[];
  /** What it asked for. */
  readonly requests: string[];
}

/** Opens a page in a profile of its own. */
export const openPage = async (
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenPage> => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, complaints, requests };
};
