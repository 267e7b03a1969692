import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { inject } from 'vitest';
import { makeCertificates, tlsFiles } from '../../stack/certificates.ts';
import { kafkaSettings, type KafkaUser } from '../../stack/secure.ts';
import { startStack, type RunningStack } from '../../stack/stack.ts';
import {
  instanceOf,
  projectorSettings,
  readState,
  stackSettings,
  type Instance,
  type StackState,
} from '../../stack/state.ts';
import './provided.ts';

type Settings = Readonly<Record<string, string>>;

/** A secure stack of a test's own, beside the one that the project has. */
export class SecureStack {
  readonly name: string;
  readonly state: StackState;
  readonly instance: Instance;
  /** PEM file of an authority that signed nothing here. */
  readonly otherCa: string;
  readonly #running: RunningStack;

  private constructor(running: RunningStack, otherCa: string) {
    this.#running = running;
    this.otherCa = otherCa;
    this.name = running.name;
    this.instance = instanceOf(process.env, running.name);
    const state = readState(this.instance);
    if (state === undefined) throw new Error(`the stack ${running.name} has no state`);
    this.state = state;
  }

  static async start(): Promise<SecureStack> {
    const name = `${inject('instance')}-secure`;
    const running = await startStack({
      environment: process.env,
      name,
      onProgress: () => undefined,
      unsafeFast: true,
      owned: true,
      secure: true,
    });
    // Goes with the instance.
    const others = path.join(instanceOf(process.env, name).folder, 'another-authority');
    await makeCertificates(others, 'of no use');
    return new SecureStack(running, tlsFiles(others).ca);
  }

  get addresses() {
    return this.#running.addresses;
  }

  /** The settings of a command that is run with no variable but the stack's name. */
  get settings(): Settings {
    return stackSettings(this.state) as Settings;
  }

  get projector(): Settings {
    return projectorSettings(this.state) as Settings;
  }

  kafka(user: KafkaUser): Settings {
    if (this.state.secure === undefined) throw new Error('it is not a secure stack');
    return kafkaSettings(this.state.secure, user) as Settings;
  }

  /** Every password of it, by what it opens. */
  get secrets(): readonly (readonly [string, string])[] {
    return Object.entries({ ...this.state.passwords, ...this.state.secure?.passwords });
  }

  /** What every server has written to its log. */
  logs(): string {
    const folder = path.join(this.instance.folder, 'logs');
    return readdirSync(folder)
      .map((file) => readFileSync(path.join(folder, file), 'utf8'))
      .join('\n');
  }

  async stop(): Promise<void> {
    await this.#running.stop({ purge: true });
  }
}

/** The arguments of every process of this machine, as anybody can read them. */
export function argumentsOfAll(): string {
  return execFileSync('ps', ['-axww', '-o', 'args='], { encoding: 'utf8', maxBuffer: 2 ** 26 });
}
