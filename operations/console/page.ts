import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import type { Config } from '../../lib/config.ts';
import type { ListedSetting } from '../../lib/listed-settings.ts';
import type { Logger } from '../../lib/log.ts';
import type { Pool } from '../../lib/postgres.ts';
import type { Access, SignIn, Visitor } from './access.ts';
import type { Looks } from './looks.ts';

/** What the layout shows around every page. */
export interface Frame {
  readonly navigation: readonly Pick<Page, 'id' | 'path' | 'title'>[];
  /** The console was started with `--actions`. */
  readonly actions: boolean;
  readonly signIn: SignIn;
}

export interface ConsoleEnv {
  Bindings: HttpBindings;
  Variables: { visitor: Visitor; frame: Frame };
}
export type ConsoleApp = Hono<ConsoleEnv>;
export type ConsoleRequest = Context<ConsoleEnv>;

/** What every page works with. */
export interface ConsoleContext {
  readonly config: Config;
  /** Every setting with its source; secrets are masked. */
  readonly settings: readonly ListedSetting[];
  /** Small pools of the console's own, with short time limits, so that a page never holds up a projector. */
  readonly canonical: Pool;
  readonly legacy: Pool;
  /** The report of `status`, which all visitors share. */
  readonly looks: Looks;
  readonly actions: boolean;
  /** Has what people ask for carried out at once. */
  readonly wake: () => void;
  readonly access: Access;
  readonly logger: Logger;
  /** Fires when the console stops, for answers that never end by themselves. */
  readonly stop: AbortSignal;
}

/** A page, or a group of pages with one entry in the navigation. */
export interface Page {
  readonly id: string;
  /** Where the entry in the navigation leads. */
  readonly path: string;
  readonly title: string;
  /** Reached from other pages only. */
  readonly unlisted?: true;
  readonly register: (app: ConsoleApp, context: ConsoleContext) => void;
}
