import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { ConsoleApp } from './page.ts';

const fromPackages = createRequire(import.meta.url);

interface StaticFile {
  /** With the hash of the content, so that a browser may keep it for ever. */
  readonly path: string;
  readonly type: string;
  readonly content: Buffer<ArrayBuffer>;
}

function file(name: string, parts: readonly (string | URL)[], type: string): StaticFile {
  const content = Buffer.from(parts.map((part) => readFileSync(part, 'utf8')).join('\n'));
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
  return { path: `/static/${hash}/${name}`, type: `${type}; charset=utf-8`, content };
}

/**
 * In one file: htmx starts in the task after the one that ran it, and does not see an extension that comes later. As a file of
 * its own the extension is late on a slow network, and the page would never follow.
 */
const HTMX = ['htmx.org/dist/htmx.min.js', 'htmx.org/dist/ext/hx-sse.min.js'];

/** Everything that a page loads. Read once, at the first import. */
export const STATIC = {
  style: file('console.css', [new URL('./static/console.css', import.meta.url)], 'text/css'),
  htmx: file(
    'htmx.js',
    HTMX.map((module) => fromPackages.resolve(module)),
    'text/javascript',
  ),
} as const;

const FOR_EVER = 'public, max-age=31536000, immutable';

export function serveStatic(app: ConsoleApp): void {
  for (const { path, type, content } of Object.values(STATIC)) {
    app.get(path, (c) => c.body(content, 200, { 'content-type': type, 'cache-control': FOR_EVER }));
  }
}
