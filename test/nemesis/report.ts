import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Check } from '../../demo/check.ts';
import type { ApplicationCounts } from './application.ts';
import type { Done, Entry } from './journal.ts';
import type { Planned } from './schedule.ts';

export interface NemesisReport {
  readonly seed: number;
  readonly minutes: number;
  readonly projectors: number;
  readonly partitions: number;
  readonly schedule: readonly Planned[];
  readonly done: readonly Done[];
  readonly seen: readonly Entry[];
  readonly written: ApplicationCounts;
  readonly checks: readonly Check[];
  readonly failures: readonly Entry[];
  readonly phases: Readonly<Record<string, number>>;
}

/** Whether the run was green: it wrote, it injected, it checked, and nothing was wrong. */
export function verdictOf({ failures, checks, done, written }: NemesisReport): 'green' | 'red' {
  const injected = done.filter(({ lane }) => lane === 'fault').length;
  const worked = written.runs > 0 && injected > 0 && checks.length > 0;
  return worked && failures.length === 0 && checks.every(({ passed }) => passed) ? 'green' : 'red';
}

/** The report in a few lines: what a person reads first. */
export function renderReport(report: NemesisReport): string {
  const { seed, minutes, written, done, checks, failures, phases } = report;
  const lines = [
    `nemesis, seed ${String(seed)}, ${String(minutes)} minutes: ${verdictOf(report)}`,
    `  written   ${counted({ runs: written.runs, ...written.incidents, 'repeated writes': written.repeats })}`,
    `  injected  ${counted(tally(done.filter(({ lane }) => lane === 'fault')))}`,
    `  beside    ${counted(tally(done.filter(({ lane }) => lane === 'errand')))}`,
    `  asked     ${counted(answers(done))}`,
    `  checks    ${String(checks.filter(({ passed }) => passed).length)} of ${String(checks.length)} passed`,
    `  seconds   ${counted(phases)}`,
    ...checks
      .filter(({ passed }) => !passed)
      .map(
        ({ id, expected, found, lookedAt }) =>
          `  FAILED    ${id}: ${found}, not ${expected} (of ${String(lookedAt)})`,
      ),
    ...failures.map(
      ({ atSeconds, what, facts }) =>
        `  FAILED    at ${String(atSeconds)} s: ${what} ${JSON.stringify(facts)}`,
    ),
  ];
  return lines.join('\n');
}

/** Writes the report, and on failure the logs of all processes beside it. Returns the folder. */
export function writeReport(folder: string, logs: string, report: NemesisReport): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(path.join(folder, 'report.txt'), `${renderReport(report)}\n`);
  if (verdictOf(report) === 'red' && existsSync(logs))
    for (const name of readdirSync(logs)) copyFileSync(path.join(logs, name), path.join(folder, name));
  return folder;
}

/** The last lines of a log, as evidence. */
export function tailOf(file: string, lines: number): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines) : [];
}

function tally(done: readonly Done[]): Record<string, number> {
  const counts: Record<string, number> = {};
  // A cut that met no connection is nothing that was injected.
  for (const { kind, facts } of done) if (facts['connections'] !== 0) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function answers(done: readonly Done[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { lane, kind, facts } of done) {
    if (lane !== 'look') continue;
    const answer = `${kind} ${String(facts['verdict'] ?? facts['state'])}`;
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  return counts;
}

function counted(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${String(Math.round(count))}`)
    .join(', ');
}
