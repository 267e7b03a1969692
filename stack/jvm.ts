import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Instance, StackState } from './state.ts';

const LOG_SETTINGS = path.join(path.dirname(fileURLToPath(import.meta.url)), 'log4j2.properties');

/**
 * Options of every server that runs on Java. The serial collector suits heaps of this size on few cores; a heap
 * that overflows ends the process, which `status` shows, instead of leaving it half alive.
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
 * For programs of which only the start counts: the quick compiler alone. Halves the registry's CPU time at start
 * (7 s to 3.4 s) and Kafka's format; for the broker and Connect it would cost throughput for ever after.
 */
export const QUICK_START = '-XX:TieredStopAtLevel=1';

/** A stack that is not kept lives for minutes: it gains more by compiling little than by fast code. */
export function compilerOptions({ unsafeFast }: Pick<StackState, 'unsafeFast'>): readonly string[] {
  return unsafeFast ? [QUICK_START] : [];
}

/** For Kafka and Connect, which bring no logging settings of their own. */
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
  // Backslash and line ends are all that a value cannot hold as it is.
  const escape = (value: string) => value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${escape(value)}\n`);
  writeFileSync(file, lines.join(''), { mode: 0o600 });
  return file;
}
