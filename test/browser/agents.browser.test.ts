import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningConsole } from '../../operations/console/server.ts';
import { expectAccessible, expectFits, hasBrowser, PHONE, useBrowser, WIDE } from '../support/browser.ts';
import { runConsole } from '../support/running-console.ts';
import { HOSTILE, HOSTILE_URL, openScene, type Scene } from './scene.ts';

const visit = useBrowser();
let scene: Scene;
let shown: RunningConsole;
let live: string;
beforeAll(async () => {
  scene = await openScene();
  shown = await runConsole({ settings: scene.settings });
  live = await scene.world.live({
    agent_url: 'https://shop.example/mcp',
    headline: 'All 9 steps passed',
    tested_at: '2026-04-01T08:00:00Z',
  });
});
afterAll(async () => {
  await shown.close();
  await scene.close();
});

const historyOf = (url: string) => `/agents/history?url=${encodeURIComponent(url)}`;
const PAGES = [
  ['the search', '/agents'],
  ['what it finds', '/agents?q=example'],
  ['what it does not find', '/agents?q=nowhere'],
  ['a history', historyOf('https://shop.example/mcp')],
  ['a hostile agent', historyOf(HOSTILE_URL)],
] as const;

describe.skipIf(!hasBrowser).each(PAGES)('%s', (_, path) => {
  test.each([
    ['light', WIDE],
    ['dark', PHONE],
  ] as const)('is accessible, fits and breaks no rule of its policy: %s', async (colorScheme, viewport) => {
    const { page, faults, close } = await visit({ colorScheme, viewport });
    const answer = await page.goto(`${shown.url}${path}`);
    expect(answer?.status()).toBe(200);
    await expectAccessible(page);
    await expectFits(page);
    expect(await page.locator('main img, main svg[onload], main [hx-get], main script').count()).toBe(0);
    expect(faults).toEqual([]);
    await close();
  });
});

describe.skipIf(!hasBrowser)('a visitor', () => {
  test('finds an agent from any page, and sees whose test each run was and where it comes from', async () => {
    const { page, close } = await visit();
    await page.goto(`${shown.url}/settings`);
    await page.getByRole('searchbox').first().fill('SHOP.example');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'https://shop.example/mcp' }).click();
    const runs = page.locator('[data-run]');
    await runs.first().waitFor();
    const { world, projected, twin } = scene;
    const ownRun = String((await world.run(projected))?.['id']);
    const linked = String((await world.ledger(twin))?.['canonical_run_id']);
    const seen = await runs.evaluateAll((elements) =>
      (elements as unknown as RunElement[]).map((run): [string, string, string] => [
        run.dataset['run'] ?? '',
        run.querySelector('[data-started-by]')?.textContent?.trim() ?? '',
        run.querySelector('[data-provenance]')?.dataset['provenance'] ?? '',
      ]),
    );
    const byId = new Map(seen.map(([id, ...rest]) => [id, rest] as const));
    expect(byId.get(live)).toEqual(['Your test', 'live']);
    expect(byId.get(linked)).toEqual(['Your test', 'twin']);
    expect(byId.get(ownRun)).toEqual(['Your test', 'projected']);
    expect(seen[0]?.[0]).toBe(live);
    await page.locator(`[data-run="${ownRun}"] .run-headline a`).click();
    await page.waitForURL(`**/runs/${ownRun}`);
    await close();
  });

  test('reads hostile values as text', async () => {
    const { page, faults, close } = await visit();
    await page.goto(`${shown.url}${historyOf(HOSTILE_URL)}`);
    expect(await page.getByText(HOSTILE, { exact: true }).count()).toBe(1);
    await page.goto(`${shown.url}/agents?q=${encodeURIComponent(HOSTILE)}`);
    expect(await page.getByLabel('part of the agent').inputValue()).toBe(HOSTILE);
    expect(faults).toEqual([]);
    await close();
  });
});

/** What the test reads of an element; the types of the browser are not the test's own. */
interface RunElement {
  readonly dataset: Readonly<Record<string, string | undefined>>;
  readonly textContent: string | null;
  querySelector(selector: string): RunElement | null;
}

test('who may not see values sees no agent, also none that is not there', async () => {
  const closed = await runConsole({ actions: true, settings: scene.settings });
  for (const path of PAGES.map(([, path]) => path)) {
    const answer = await fetch(`${closed.url}${path}`);
    expect(answer.status).toBe(403);
    expect(await answer.text()).not.toContain('shop.example');
  }
  await closed.close();
});

test('a text that names no agent and a place that no page gave are no pages', async () => {
  const status = async (path: string) => (await fetch(`${shown.url}${path}`)).status;
  expect(await status('/agents/history?url=two%20words')).toBe(404);
  expect(await status(`${historyOf('https://shop.example/mcp')}&after=yesterday`)).toBe(404);
});
