import { createPublicKey, verify } from 'node:crypto';
import { pemOf } from './keys.ts';
import { ROOT, sha256Of, signedText, type Root } from './format.ts';

/**
 * `known`: signed with the key that the auditor gave. `unknown`: the signature fits the key in the file, which anybody may have
 * made. `other`: signed with another key than was given. `wrong`: the signature does not fit. `none`: not signed.
 */
export type SignatureState = 'known' | 'unknown' | 'other' | 'wrong' | 'none';

/** What does not fit: the name of the part, and how. */
export interface Fault {
  readonly part: string;
  readonly what: 'changed or missing' | 'not listed' | 'out of order' | 'unreadable' | 'does not fit';
}

export interface Verified {
  /** `authentic`: whole, and signed with the key that was given. `intact`: whole, by its own hashes. */
  readonly verdict: 'authentic' | 'intact' | 'changed';
  readonly signature: SignatureState;
  readonly publicKey: string | null;
  readonly root: string | null;
  readonly faults: readonly Fault[];
  readonly parts: readonly string[];
}

const LINE_FEED = 10;

/**
 * Pure, and without any database: checks a file of evidence by its bytes. Every byte counts, because each line is hashed, and the
 * last line is accepted in one spelling only.
 */
export function verifyEvidence(bytes: Buffer, givenKey: string | undefined): Verified {
  const lines = linesOf(bytes);
  const root = rootOf(lines?.at(-1));
  if (lines === undefined || root === undefined) return unreadable();
  const faults = [...partFaults(lines.slice(0, -1), root), ...rootFaults(root)];
  const signature = signatureOf(root, givenKey);
  if (signature === 'wrong' || signature === 'other')
    faults.push({ part: 'signature', what: 'does not fit' });
  if (signature === 'none' && givenKey !== undefined)
    faults.push({ part: 'signature', what: 'changed or missing' });
  return {
    verdict: faults.length > 0 ? 'changed' : signature === 'known' ? 'authentic' : 'intact',
    signature,
    publicKey: root.signature?.publicKey ?? null,
    root: root.sha256,
    faults,
    parts: root.parts.map(({ name }) => name),
  };
}

function unreadable(): Verified {
  const faults: Fault[] = [{ part: 'root', what: 'unreadable' }];
  return { verdict: 'changed', signature: 'none', publicKey: null, root: null, faults, parts: [] };
}

/** Undefined if the file does not end with a line feed. */
function linesOf(bytes: Buffer): Buffer[] | undefined {
  if (bytes.at(-1) !== LINE_FEED) return undefined;
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(LINE_FEED, from);
    lines.push(bytes.subarray(from, end));
    from = end + 1;
  }
  return lines;
}

/** Undefined unless it is spelled exactly as we write it. */
function rootOf(line: Buffer | undefined): Root | undefined {
  if (line === undefined) return undefined;
  const parsed = ROOT.safeParse(jsonOf(line));
  if (!parsed.success || !Buffer.from(JSON.stringify(parsed.data)).equals(line)) return undefined;
  return parsed.data.root;
}

function jsonOf(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch {
    return undefined;
  }
}

function partFaults(lines: readonly Buffer[], { parts }: Root): Fault[] {
  const found = lines.map((line) => sha256Of(line));
  const listed = new Set(parts.map(({ sha256 }) => sha256));
  const missing = parts.filter(({ sha256 }) => !found.includes(sha256));
  const faults: Fault[] = missing.map(({ name }) => ({ part: name, what: 'changed or missing' }));
  // A changed part is a line that is not listed; it was named already.
  const foreign = found.filter((hash) => !listed.has(hash)).length;
  if (foreign > missing.length || found.length > parts.length)
    faults.push({ part: 'lines', what: 'not listed' });
  if (faults.length > 0) return faults;
  for (const [index, { name, sha256 }] of parts.entries()) {
    const line = jsonOf(lines[index] ?? Buffer.alloc(0)) as { part?: unknown } | undefined;
    if (found[index] !== sha256 || line?.part !== name) faults.push({ part: name, what: 'out of order' });
  }
  return faults;
}

function rootFaults({ parts, sha256 }: Root): Fault[] {
  return sha256Of(signedText(parts)) === sha256 ? [] : [{ part: 'root', what: 'does not fit' }];
}

function signatureOf({ parts, signature }: Root, givenKey: string | undefined): SignatureState {
  if (signature === null) return 'none';
  try {
    const key = createPublicKey(signature.publicKey);
    // One key has several spellings as PEM; only ours counts.
    if (key.asymmetricKeyType !== 'ed25519' || pemOf(key) !== signature.publicKey) return 'wrong';
    const fits = verify(null, Buffer.from(signedText(parts)), key, Buffer.from(signature.value, 'hex'));
    if (!fits) return 'wrong';
  } catch {
    return 'wrong';
  }
  if (givenKey === undefined) return 'unknown';
  return givenKey === signature.publicKey ? 'known' : 'other';
}
