import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { CheckResult } from '../../operations/checks/judge.ts';
import type { DoctorReport } from '../../operations/doctor/doctor.ts';
import type { Settings } from './carry-out.ts';

const REPOSITORY = path.join(import.meta.dirname, '..', '..');
const COPIED = [
  'bin',
  'cli',
  'connectors',
  'consumers',
  'demo',
  'lib',
  'operations',
  'stack',
  'package.json',
  'package-lock.json',
];

/** A copy of this checkout, for a fix that changes a file of it; without a lockfile, so that nothing is installed. */
export class CheckoutCopy {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'history-cdc-checkout-'));

  constructor() {
    for (const name of COPIED)
      cpSync(path.join(REPOSITORY, name), path.join(this.#folder, name), { recursive: true });
    symlinkSync(path.join(REPOSITORY, 'node_modules'), path.join(this.#folder, 'node_modules'));
  }

  async run(tool: string, args: readonly string[], settings: Settings = {}): Promise<string> {
    const { PATH = '', HOME = '' } = process.env;
    const env = { PATH, HOME, HISTORY_CDC_STATE_DIR: '/nonexistent', ...settings };
    return (await promisify(execFile)(tool, [...args], { cwd: this.#folder, env })).stdout;
  }

  async doctor(id: string, settings: Settings): Promise<CheckResult> {
    const args = ['bin/history-cdc.mjs', 'doctor', '--json', '--only', id];
    const answered = this.run(process.execPath, args, settings);
    // It ends with 1 where the check has failed, and says so all the same.
    const stdout = await answered.catch((error: unknown) => (error as { readonly stdout: string }).stdout);
    const [result] = (JSON.parse(stdout) as DoctorReport).checks;
    if (result === undefined) throw new Error(`there is no answer of ${id}`);
    return result;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
