import { sign, type KeyObject } from 'node:crypto';
import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { FatalError, messageOf } from '../../lib/errors.ts';
import type { Client } from '../../lib/postgres.ts';
import { RELEASE } from '../../lib/release.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { RULE_VERSION } from '../../consumers/agent-test-history/rule/outcome.ts';
import { FORMAT, lineOf, sha256Of, signedText, type Part, type Root } from './format.ts';
import { pemOf } from './keys.ts';

const PARTS = sqlFile(import.meta.url, './sql/parts.sql');

/** A setting as it may be shown. */
export interface ShownSetting {
  readonly name: string;
  readonly value: string | null;
  readonly source: string;
}

const ABOUT = {
  what: 'The evidence of agent-history-cdc for the end of the table agent_test_history: stages, incidents, attestations, waivers, verdicts, passes of the verification, archives, configuration, and a digest of the ledger.',
  check:
    'history-cdc evidence verify FILE. Without it: each line but the last is a part. The last line has the SHA-256 of each line without its line feed. The root is the SHA-256 of the format, a line feed, and for each part its hash, two spaces, its name and a line feed; an Ed25519 signature is over that text.',
  names:
    'No value of a row stands here. `by` is the name that the person gave who answers for an act, and `note`, `reason` and `because` are that person\u2019s words: they are the signature of the act. Ids are ids of legacy rows, canonical rows, runs and archives.',
  ledger:
    'A bucket holds the legacy ids that begin with its two digits. Its hash is over one line per id, in the order of the id, joined with line feeds: legacy_id|decision|canonical_run_id|reason|rule_version|content_hash|deleted, with - for NULL and t or f for deleted. The whole is the hash over the hashes of the buckets in their order, joined with line feeds.',
} as const;

/** Reads the evidence in one statement, so that all parts are of one moment. */
export async function readEvidence(
  canonical: Client,
  settings: readonly ShownSetting[],
): Promise<readonly Part[]> {
  const { rows } = await canonical.query<{ part: string; content: unknown }>(PARTS, [RULE_VERSION, RELEASE]);
  return [
    { name: 'about', content: ABOUT },
    { name: 'configuration', content: settings },
    ...rows.map(({ part, content }) => ({ name: part, content })),
  ];
}

export interface Written {
  readonly root: Root;
  readonly text: string;
}

/** Pure: the file's text, hashed, and signed if there is a key. */
export function composeEvidence(parts: readonly Part[], key: KeyObject | undefined): Written {
  const lines = parts.map(lineOf);
  const hashes = parts.map(({ name }, index) => ({ name, sha256: sha256Of(lines[index] ?? '') }));
  const text = signedText(hashes);
  const signature =
    key === undefined
      ? null
      : ({
          algorithm: 'Ed25519',
          publicKey: pemOf(key),
          value: sign(null, Buffer.from(text), key).toString('hex'),
        } as const);
  const root: Root = { format: FORMAT, parts: hashes, sha256: sha256Of(text), signature };
  return { root, text: `${[...lines, JSON.stringify({ root })].join('\n')}\n` };
}

/** Writes a new file; one that is there is never overwritten, and one that was not written to its end does not stay. */
export function writeNew(file: string, text: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'wx', 0o644);
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
    fsyncSync(descriptor);
  } catch (error) {
    if (descriptor !== undefined) unlinkSync(file);
    throw new FatalError({
      code: 'EVIDENCE_UNREADABLE',
      message: `the evidence was not written: ${messageOf(error)}`,
      wayOut: 'name a file that does not exist yet, in a folder that this account may write to',
      cause: error,
    });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
