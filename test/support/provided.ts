import type { BrowserProgram } from './find-browser.ts';
import type { StackAddresses } from '../../stack/state.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The servers that the project's global setup started; in `pg` only Postgres's addresses lead anywhere. */
    servers: StackAddresses;
    /** The name of their instance, for `stack` commands of a test. */
    instance: string;
    /** Of the project `browser`: a Chromium that starts here, or the reason why there is none. */
    browser: BrowserProgram | string;
  }
}
