#!/usr/bin/env node
// The command `history-cdc`: sets the checkout up when it has to, then hands over to cli/main.ts.
import './setup.mjs';
import { pathToFileURL } from 'node:url';

const { compiled } = await import('./compile.mjs');
let main;
try {
  main = pathToFileURL(await compiled()).href;
} catch {
  // Nothing can be kept here, or it does not compile, which tsx says with the place: it compiles at every start.
  const { register } = await import('tsx/esm/api');
  register();
  main = '../cli/main.ts';
}
process.setSourceMapsEnabled(true);
await import(main);
