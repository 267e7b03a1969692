import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { composeEvidence } from '../../operations/evidence/export.ts';
import { sha256Of } from '../../operations/evidence/format.ts';
import { pemOf } from '../../operations/evidence/keys.ts';
import { verifyEvidence } from '../../operations/evidence/verify.ts';

const PARTS = [
  { name: 'stages', content: [{ stage: 'dropped', by: 'the data owner \u00e9' }] },
  { name: 'verdicts', content: [] },
  { name: 'ledger', content: { rows: '3' } },
];
const { privateKey: KEY } = generateKeyPairSync('ed25519');
const { privateKey: OTHER } = generateKeyPairSync('ed25519');

const signed = Buffer.from(composeEvidence(PARTS, KEY).text);
const unsigned = Buffer.from(composeEvidence(PARTS, undefined).text);

const flipped = (bytes: Buffer, at: number, mask: number) => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
};

/** Without the line feed before the last line, that line cannot be read. */
const rootAt = (bytes: Buffer) => bytes.lastIndexOf(10, -2);
/** Which line a byte is in; its line feed belongs to it. */
const lineAt = (bytes: Buffer, at: number) => bytes.subarray(0, at).filter((byte) => byte === 10).length;

describe('a whole file', () => {
  test.each([
    [signed, pemOf(KEY), 'authentic', 'known'],
    [signed, undefined, 'intact', 'unknown'],
    [signed, pemOf(OTHER), 'changed', 'other'],
    [unsigned, undefined, 'intact', 'none'],
    [unsigned, pemOf(KEY), 'changed', 'none'],
  ] as const)('%#', (...[bytes, key, verdict, signature]) => {
    expect(verifyEvidence(bytes, key)).toMatchObject({ verdict, signature });
  });

  test('can be checked with sha256 alone', () => {
    const [, second] = signed.toString().split('\n');
    const { root } = composeEvidence(PARTS, KEY);
    expect(sha256Of(second ?? '')).toBe(root.parts[1]?.sha256);
  });
});

describe('one changed byte is noticed wherever it is, and its part is named:', () => {
  test.each([
    ['signed', signed, pemOf(KEY)],
    ['not signed', unsigned, undefined],
  ] as const)('%s', (_, bytes, key) => {
    for (let at = 0; at < bytes.length; at++) {
      // 0x20 turns a letter into its capital, 0x01 a digit into its neighbour, 0x80 leaves ASCII.
      for (const mask of [0x01, 0x20, 0x80]) {
        const { verdict, faults } = verifyEvidence(flipped(bytes, at, mask), key);
        expect([at, mask, verdict]).toEqual([at, mask, 'changed']);
        const part = at === rootAt(bytes) ? 'root' : PARTS[lineAt(bytes, at)]?.name;
        if (part !== undefined) expect(faults.map((fault) => fault.part)).toContain(part);
      }
    }
  });
});

describe('what was put together anew is noticed:', () => {
  const lines = signed.toString().trimEnd().split('\n');
  const fileOf = (...all: (string | undefined)[]) => Buffer.from(`${all.join('\n')}\n`);

  test.each([
    [
      'a part is left out',
      fileOf(lines[0], lines[2], lines[3]),
      { part: 'verdicts', what: 'changed or missing' },
    ],
    [
      'two parts change places',
      fileOf(lines[1], lines[0], lines[2], lines[3]),
      { part: 'stages', what: 'out of order' },
    ],
    [
      'a part comes twice',
      fileOf(lines[0], lines[0], lines[1], lines[2], lines[3]),
      { part: 'lines', what: 'not listed' },
    ],
    [
      'a line is added',
      fileOf(...lines.slice(0, 3), '{"part":"more"}', lines[3]),
      { part: 'lines', what: 'not listed' },
    ],
    ['the end is cut off', fileOf(...lines.slice(0, 3)), { part: 'root', what: 'unreadable' }],
    ['the last line feed is gone', signed.subarray(0, -1), { part: 'root', what: 'unreadable' }],
    ['nothing', Buffer.alloc(0), { part: 'root', what: 'unreadable' }],
    ['one byte more', Buffer.concat([signed, Buffer.from('\n')]), { part: 'root', what: 'unreadable' }],
  ])('%s', (_, bytes, fault) => {
    const verified = verifyEvidence(bytes, pemOf(KEY));
    expect(verified.verdict).toBe('changed');
    expect(verified.faults).toContainEqual(fault);
  });

  test('a forger who hashes and signs anew is not the one whom the auditor knows', () => {
    const [first, ...rest] = PARTS;
    const forged = composeEvidence([{ name: first?.name ?? '', content: [] }, ...rest], OTHER);
    expect(verifyEvidence(Buffer.from(forged.text), pemOf(KEY))).toMatchObject({
      verdict: 'changed',
      signature: 'other',
      faults: [{ part: 'signature', what: 'does not fit' }],
    });
  });
});
