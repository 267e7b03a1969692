#!/usr/bin/env node
// The command `history-cdc`: sets the checkout up when it has to, then hands over to cli/main.ts. Without `await` at the
// top level, so that a Node that is too old for it comes as far as the message that says so.
import { checkNode, installDependencies, resolves } from './setup.mjs';
import { pathToFileURL } from 'node:url';

const HELP = ['--help', '-h', 'help', '--version', '-V'];

async function start() {
  checkNode();
  const wantsHelp = process.argv.slice(2).some((argument) => HELP.includes(argument));
  if (wantsHelp && !resolves({ dev: false })) {
    process.stdout.write(
      'history-cdc <command>: the dependencies are not installed yet, and --help installs nothing.\n' +
        '`npm ci` installs them, as every command without --help does. README.md lists the commands.\n',
    );
    return;
  }
  installDependencies({ dev: false });
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
}

start().catch((error) => {
  setImmediate(() => {
    throw error;
  });
});
