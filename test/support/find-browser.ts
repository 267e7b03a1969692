import { existsSync } from 'node:fs';
import chromium from '@sparticuz/chromium';
import { chromium as playwright } from 'playwright-core';
import { messageOf } from '../../lib/errors.ts';

export interface BrowserProgram {
  readonly executablePath: string;
  readonly args: string[];
}

/** Chromium does not ask for updates, names or anything else of the outside. */
const ALONE = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const INSTALLED = ['/usr/bin/chromium', '/usr/bin/chromium-headless-shell', '/usr/bin/google-chrome'];

/**
 * A Chromium that starts here: one that is installed, otherwise the one inside the package `@sparticuz/chromium` (Linux
 * on x64; it needs no root). Returns the reason if there is none.
 */
export async function findBrowser(): Promise<BrowserProgram | string> {
  const installed = INSTALLED.filter((path) => existsSync(path)).map((executablePath) => ({
    executablePath,
    args: ALONE,
  }));
  const reasons: string[] = [];
  for (const program of [...installed, await packaged().catch(messageOf)]) {
    const why = typeof program === 'string' ? program : await whyNot(program);
    if (why === undefined) return program;
    reasons.push(why);
  }
  return reasons.join('; ');
}

async function packaged(): Promise<BrowserProgram | string> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return 'no Chromium is installed, and the packaged one is for Linux on x64 only';
  // Not with its own arguments, which turn web security off.
  return { executablePath: await chromium.executablePath(), args: [...ALONE, '--no-zygote'] };
}

async function whyNot(program: BrowserProgram): Promise<string | undefined> {
  try {
    const browser = await playwright.launch(program);
    await browser.close();
    return undefined;
  } catch (error) {
    return `${program.executablePath} does not start: ${messageOf(error).split('\n')[0] ?? ''}`;
  }
}
