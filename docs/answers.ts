import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { ANSWERS, ERROR_ANSWER } from '../cli/answers.ts';

const FOLDER = fileURLToPath(new URL('answers/', import.meta.url));

/** The JSON Schema of each answer by file name. `npm run docs:answers` writes them. */
export function renderAnswerSchemas(): Record<string, string> {
  const schemas = Object.entries({ ...ANSWERS, error: ERROR_ANSWER }).map(([name, schema]) => {
    const title = name === 'error' ? 'an error, on stderr' : `history-cdc ${name} --json`;
    const page = { title, ...z.toJSONSchema(schema) };
    return [`${name.replaceAll(/[ -]+/g, '-')}.json`, `${JSON.stringify(page, null, 2)}\n`];
  });
  return Object.fromEntries(schemas) as Record<string, string>;
}

export function storedAnswerSchemas(): Record<string, string> {
  return Object.fromEntries(readdirSync(FOLDER).map((name) => [name, readFileSync(FOLDER + name, 'utf8')]));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER);
  for (const [name, text] of Object.entries(renderAnswerSchemas())) writeFileSync(FOLDER + name, text);
}
