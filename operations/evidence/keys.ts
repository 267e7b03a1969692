import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { FatalError, messageOf } from '../../lib/errors.ts';

/** The key with which evidence is signed. */
export function readSigningKey(file: string): KeyObject {
  return readKey(file, createPrivateKey, 'openssl genpkey -algorithm ed25519 -out key.pem');
}

/** The public key that the auditor has, as it stands in a signed file. */
export function readPublicKey(file: string): string {
  return pemOf(readKey(file, createPublicKey, 'openssl pkey -in key.pem -pubout -out public.pem'));
}

/** The public half of a key. */
export function pemOf(key: KeyObject): string {
  const half = key.type === 'private' ? createPublicKey(key) : key;
  return half.export({ type: 'spki', format: 'pem' }).toString();
}

/** The content of a key never gets into the message. */
function readKey(file: string, parse: (pem: string) => KeyObject, howToMake: string): KeyObject {
  const wayOut = `name a PEM file with a key of the kind Ed25519: ${howToMake}`;
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    throw new FatalError({ code: 'EVIDENCE_UNREADABLE', message: messageOf(error), wayOut, cause: error });
  }
  const key = parsed(pem, parse);
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new FatalError({
    code: 'EVIDENCE_UNREADABLE',
    message: `${file} holds no key of the kind Ed25519`,
    wayOut,
  });
}

function parsed(pem: string, parse: (pem: string) => KeyObject): KeyObject | undefined {
  try {
    return parse(pem);
  } catch {
    return undefined;
  }
}
