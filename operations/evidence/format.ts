/**
 * The file of evidence: one line of JSON per part, and a last line with the hash of each. An auditor needs nothing of ours to check
 * it: `sed -n 3p FILE | tr -d '\n' | sha256sum` gives the hash of the third part, and the root is the hash of the text that
 * `signedText` puts together. No value of a row stands in it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

export const FORMAT = 'history-cdc evidence 1';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** The last line. */
export const ROOT = z.strictObject({
  root: z.strictObject({
    format: z.literal(FORMAT),
    parts: z.array(z.strictObject({ name: z.string().regex(/^[a-z]+$/), sha256 })).min(1),
    sha256,
    signature: z
      .strictObject({
        algorithm: z.literal('Ed25519'),
        publicKey: z.string(),
        /** In hex: a byte in base64 may change without changing what it stands for. */
        value: z.string().regex(/^[0-9a-f]{128}$/),
      })
      .nullable(),
  }),
});
export type Root = z.output<typeof ROOT>['root'];
export type PartHash = Root['parts'][number];

export interface Part {
  readonly name: string;
  readonly content: unknown;
}

export function sha256Of(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function lineOf({ name, content }: Part): string {
  return JSON.stringify({ part: name, content });
}

/** What the root is the hash of, and what is signed: the format, and each part as `sha256sum` writes it. */
export function signedText(parts: readonly PartHash[]): string {
  return [FORMAT, ...parts.map(({ name, sha256: hash }) => `${hash}  ${name}`), ''].join('\n');
}
