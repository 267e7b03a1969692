#!/usr/bin/env node
// The command `history-cdc`: sets the checkout up when it has to, then hands over to cli/main.ts.
import './setup.mjs';

const { register } = await import('tsx/esm/api');
register();
await import('../cli/main.ts');
