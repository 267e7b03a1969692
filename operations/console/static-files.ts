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

function file(name: string, where: string | URL, type: string): StaticFile {
  const content = Buffer.from(readFileSync(where));
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
  return { path: `/static/${hash}/${name}`, type: `${type}; charset=utf-8`, content };
}

const script = (name: string, module: string) => file(name, fromPackages.resolve(module), 'text/javascript');

/** Everything that a page loads. Read once, at the first import. */
export const STATIC = {
  style: file('console.css', new URL('./static/console.css', import.meta.url), 'text/css'),
  htmx: script('htmx.js', 'htmx.org/dist/htmx.min.js'),
  sse: script('hx-sse.js', 'htmx.org/dist/ext/hx-sse.min.js'),
} as const;

const FOR_EVER = 'public, max-age=31536000, immutable';

export function serveStatic(app: ConsoleApp): void {
  for (const { path, type, content } of Object.values(STATIC)) {
    app.get(path, (c) => c.body(content, 200, { 'content-type': type, 'cache-control': FOR_EVER }));
  }
}
