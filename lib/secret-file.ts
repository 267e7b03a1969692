import { readFileSync, statSync } from 'node:fs';
import { messageOf } from './errors.ts';

/** No password and no address is longer. The limit keeps a wrong path from filling the memory. */
const MAX_BYTES = 65_536;

export type SecretFile =
  | { readonly text: string; readonly problem?: undefined }
  | { readonly text?: undefined; readonly problem: string };

/**
 * The secret in a file, as Docker and Kubernetes mount it, without the line breaks at its end. Answers with a problem,
 * which names the file and never repeats its content, if the file holds no single line of text.
 */
export function readSecretFile(file: string): SecretFile {
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) return { problem: `${file} is a folder` };
    if (!stat.isFile()) return { problem: `${file} is not a regular file` };
    if (stat.size > MAX_BYTES) return { problem: `${file} has more than ${String(MAX_BYTES)} bytes` };
    return oneLine(file, readFileSync(file));
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

function oneLine(file: string, bytes: Buffer): SecretFile {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { problem: `${file} is not UTF-8` };
  }
  const line = text.replace(/[\r\n]+$/, '');
  if (line === '') return { problem: `${file} is empty` };
  return /[\r\n\0]/.test(line)
    ? { problem: `${file} holds more than one line, or a NUL character` }
    : { text: line };
}
