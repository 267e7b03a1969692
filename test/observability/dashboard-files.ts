import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { OBSERVABILITY } from './rules.ts';

interface Panel {
  readonly title?: string;
  readonly panels?: readonly Panel[];
  readonly targets?: readonly { readonly expr?: string }[];
}

/** The committed dashboards, with every query that they ask. */
export function dashboards(): readonly { readonly file: string; readonly queries: readonly string[] }[] {
  const folder = path.join(OBSERVABILITY, 'dashboards');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => {
      const { panels = [] } = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Panel;
      const all = panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
      return { file, queries: all.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => expr ?? [])) };
    });
}
