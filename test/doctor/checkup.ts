import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect } from 'vitest';
import type { CheckResult } from '../../operations/checks/judge.ts';
import { runSourceSql } from '../../connectors/deploy/run-sql.ts';
import { sourceSql, type SqlPart } from '../../connectors/deploy/source-sql.ts';
import { loadConfig } from '../../lib/config.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import {
  openApplicationDatabase,
  openMigratedDatabase,
  type OpenDatabase,
} from '../support/migrated-database.ts';

import { resultOf } from './ask.ts';
import { carryOut, type Settings } from './carry-out.ts';
import { sqlOf } from './fix-steps.ts';

/** A database of its own, with a role, a slot name and a publication that no other test uses; `doctor` looks at it. */
export class Checkup {
  readonly name = `d_${randomBytes(5).toString('hex')}`;
  readonly open: OpenDatabase;
  readonly superuser: Pool;

  private constructor(open: OpenDatabase, superuser: Pool) {
    this.open = open;
    this.superuser = superuser;
  }

  static async start(migrated: boolean): Promise<Checkup> {
    const open = await (migrated ? openMigratedDatabase() : openApplicationDatabase());
    const url = open.database.superuserUrl;
    const superuser = createPool({ url, name: 'test', connections: 2 });
    const checkup = new Checkup(open, superuser);
    await superuser.query(`CREATE ROLE ${checkup.name} LOGIN REPLICATION PASSWORD 'secret'`);
    return checkup;
  }

  /** As the role of its name, with a password. */
  get roleUrl(): string {
    const url = new URL(this.open.database.url);
    url.username = this.name;
    url.password = 'secret';
    return url.href;
  }

  /** As the owner of the tables. */
  get settings(): Settings {
    return {
      DATABASE_URL: this.open.database.url,
      CONNECTOR_DATABASE_URL: this.roleUrl,
      SLOT_NAME: this.name,
      PUBLICATION_NAME: this.name,
    };
  }

  config(more: Settings = {}) {
    return loadConfig({ ...this.settings, ...more }, undefined);
  }

  /** Runs the DBA's script, or one part of it. */
  async script(part?: SqlPart): Promise<void> {
    await runSourceSql(this.open.database.superuserUrl, sourceSql(this.config(), part));
  }

  async check(id: string, more: Settings = {}): Promise<CheckResult> {
    return await resultOf(id, { ...this.settings, ...more });
  }

  /** Green, then red by `breakIt`, with the evidence, then green again by the fix of the check itself, or by `mend`. */
  async breaks(id: string, breakIt: string, red: Red): Promise<void> {
    const { settings } = red;
    expect(await this.check(id, settings), 'before').toMatchObject({ verdict: 'ok' });
    for (const statement of breakIt.split(';')) await this.superuser.query(statement);
    const result = await this.check(id, settings);
    const { verdict, evidence } = result;
    expect({ verdict, evidence }).toEqual({
      verdict: red.verdict ?? 'failed',
      evidence: expect.stringContaining(red.says) as string,
    });
    await red.mend?.(this);
    if (red.mend === undefined) await this.paste(result.fix);
    expect(await this.check(id, settings), 'after').toMatchObject({ verdict: 'ok' });
  }

  /** Does what the fix says as it stands: SQL as a superuser, commands of ours as the owner of the tables. */
  async paste(fix: string | null): Promise<Settings> {
    const { superuserUrl } = this.open.database;
    return await carryOut(fix, { settings: this.settings, superuserUrl });
  }

  /** The same without what takes Kafka Connect. */
  async pasteSql(fix: string | null): Promise<void> {
    for (const statement of sqlOf(fix)) await this.superuser.query(statement);
  }

  async remove(): Promise<void> {
    const drop = 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1';
    await this.superuser.query(drop, [this.name]);
    await this.superuser.query(`DROP OWNED BY ${this.name}`);
    await this.superuser.query(`DROP ROLE ${this.name}`);
    await this.superuser.end();
    await this.open.close();
  }
}

interface Red {
  readonly says: string;
  readonly verdict?: 'warning';
  /** Where the fix is in words, or takes Kafka Connect. */
  readonly mend?: (checkup: Checkup) => Promise<unknown>;
  readonly settings?: Settings;
}

/** A checkup for all tests of a file. */
export function useCheckup(migrated: boolean): () => Checkup {
  let started: Checkup | undefined;
  beforeAll(async () => {
    started = await Checkup.start(migrated);
  });
  afterAll(async () => {
    await started?.remove();
  });
  return () => {
    if (started === undefined) throw new Error('there is no checkup before the first test');
    return started;
  };
}
