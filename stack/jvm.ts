import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Instance, StackState } from './state.ts';

const LOG_SETTINGS = path.join(path.dirname(fileURLToPath(import.meta.url)), 'log4j2.properties');

/**
 * Options of every Java server. The serial collector suits heaps of this size on few cores. If the heap overflows, the
 * process ends, and `status` shows that; otherwise it would go on with broken threads.
 */
export const JVM_OPTIONS = [
  '-XX:+UseSerialGC',
  '-XX:+ExitOnOutOfMemoryError',
  '-XX:-UsePerfData',
  '-Djava.awt.headless=true',
  '-Djava.net.preferIPv4Stack=true',
  '-Dfile.encoding=UTF-8',
] as const;

/**
 * Uses only the JVM's quick compiler, for programs whose start takes most of their CPU time. Measured: it halves the
 * registry's CPU time at the start (7 s to 3.4 s), and that of Kafka's format. The code runs slower, so a broker and a
 * Connect that are kept do not use it.
 */
export const QUICK_START = '-XX:TieredStopAtLevel=1';

/** A test stack lives for minutes only. A quick start saves it more time than fast code would. */
export function compilerOptions({ unsafeFast }: Pick<StackState, 'unsafeFast'>): readonly string[] {
  return unsafeFast ? [QUICK_START] : [];
}

/** Logging settings for Kafka and Connect, which have none of their own. */
export const KAFKA_LOG_OPTION = `-Dlog4j2.configurationFile=${LOG_SETTINGS}`;

/** Writes a Java properties file into the instance's folder and returns its path. */
export function writeProperties(
  instance: Instance,
  name: string,
  properties: Readonly<Record<string, string>>,
): string {
  const folder = path.join(instance.folder, 'config');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, name);
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${escapeValue(value)}\n`);
  writeFileSync(file, lines.join(''), { mode: 0o600 });
  return file;
}

/**
 * Java reads a properties file as ISO-8859-1. Without the escapes, a folder with an accent in its path would become
 * another folder, which `down --purge` does not find.
 */
function escapeValue(value: string): string {
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replace(/^ |[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
