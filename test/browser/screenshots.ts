/**
 * Takes the pictures of the README: `npm run docs:screenshots -- http://127.0.0.1:9465`, with the address of a console
 * that shows a stack with data, as `npm run demo -- --keep` leaves it.
 */
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { findBrowser } from '../support/find-browser.ts';

// Of the agent that the search finds first: the demo's agents have runs of every kind.
const PICTURES = { 'console-overview.png': '/', 'console-history.png': '/agents?q=example' } as const;

const [address] = process.argv.slice(2);
if (address === undefined) throw new Error('give the address of a running console');
const program = await findBrowser();
if (typeof program === 'string') throw new Error(program);
const browser = await chromium.launch(program);
for (const [name, path] of Object.entries(PICTURES)) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
  await page.goto(new URL(path, address).href);
  await page.locator('main .card').first().waitFor();
  if (path !== '/') await page.locator('tbody a').first().click();
  await page
    .locator(path === '/' ? '.way' : '[data-run]')
    .first()
    .waitFor();
  await page.screenshot({ path: fileURLToPath(new URL(`../../docs/${name}`, import.meta.url)) });
}
await browser.close();
