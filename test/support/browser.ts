import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import type { BrowserProgram } from './find-browser.ts';
import './provided.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** False where no browser can be had; the global setup says why. Tests then skip. */
export const hasBrowser = typeof inject('browser') !== 'string';

export const WIDE = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** A page of a fresh visitor, and everything in it that went wrong. */
export interface Visit {
  readonly page: Page;
  /** Errors in the console log (a refused script or style, for example), faults of scripts, and dialogs that opened. */
  readonly faults: readonly string[];
  readonly close: () => Promise<void>;
}

/** Opens pages in one browser for the tests of a file. */
export function useBrowser(): (options?: BrowserContextOptions) => Promise<Visit> {
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (hasBrowser) browser = await chromium.launch(inject('browser') as BrowserProgram);
  });
  afterAll(async () => {
    await browser?.close();
  });
  return async (options = {}) => {
    if (browser === undefined) throw new Error('the browser is there once beforeAll has run');
    return await visit(browser, options);
  };
}

export async function visit(browser: Browser, options: BrowserContextOptions): Promise<Visit> {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('dialog', (dialog) => {
    faults.push(`a dialog opened: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return {
    page,
    faults,
    close: async () => {
      await context.close();
    },
  };
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
}

/** Holds a page to WCAG 2.2 AA as far as axe can check it. */
export async function expectAccessible(page: Page): Promise<void> {
  // Evaluated in the page, because its policy allows no script of others.
  const { violations } = await page.evaluate<AxeResult>(`${AXE}; axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  })`);
  expect(
    violations.map(({ id, nodes }) => [
      id,
      nodes.map(({ html, failureSummary }) => `${html}: ${failureSummary}`),
    ]),
  ).toEqual([]);
}

/** The page itself never scrolls to the side; a wide table does so by itself. */
export async function expectFits(page: Page): Promise<void> {
  const wider = await page.evaluate<number>(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
  expect(wider).toBeLessThanOrEqual(0);
}
