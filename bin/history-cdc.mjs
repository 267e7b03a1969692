#!/usr/bin/env node
// The command `history-cdc`. In a package or an image it runs the build in dist/. In a checkout it installs what is missing,
// and compiles the sources where dist/ is not made of them. Without `await` at the top level, so that a Node that is too old
// for it comes as far as the message that says so.
import { existsSync, readFileSync } from 'node:fs';
import { checkNode, installDependencies, resolves } from './setup.mjs';

const HELP = ['--help', '-h', 'help', '--version', '-V'];

async function start() {
  checkNode();
  const isCheckout = existsSync(new URL('../cli/main.ts', import.meta.url));
  const main = isCheckout ? await mainOfCheckout() : mainOfPackage();
  if (main === undefined) return;
  process.setSourceMapsEnabled(true);
  await import(main);
}

/** A tarball that was packed without `npm run pack` has no build, or that of an earlier release. */
function mainOfPackage() {
  const read = (file) => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));
  const { version } = read('../package.json');
  const build = existsSync(new URL('../dist/build.json', import.meta.url)) ? read('../dist/build.json') : {};
  if (build.version === version) return new URL('../dist/main.js', import.meta.url).href;
  const found = build.version === undefined ? 'no build' : `the build of release ${build.version}`;
  process.stderr.write(
    `history-cdc: this package of release ${version} holds ${found} in dist/: pack it again with \`npm run pack\`\n`,
  );
  process.exit(2);
}

async function mainOfCheckout() {
  const { compiled, hasCompiler, isDistFresh } = await import('./compile.mjs');
  // The compiler is a dependency for development.
  const dev = !hasCompiler() && !isDistFresh();
  const wantsHelp = process.argv.slice(2).some((argument) => HELP.includes(argument));
  if (wantsHelp && !resolves({ dev })) {
    process.stdout.write(
      'history-cdc <command>: the dependencies are not installed yet, and --help installs nothing.\n' +
        '`npm ci` installs them, as every command without --help does. README.md lists the commands.\n',
    );
    return undefined;
  }
  installDependencies({ dev });
  try {
    const { pathToFileURL } = await import('node:url');
    return pathToFileURL(await compiled()).href;
  } catch {
    // Nothing can be kept here, or it does not compile, which tsx says with the place: it compiles at every start.
    const { register } = await import('tsx/esm/api');
    register();
    return '../cli/main.ts';
  }
}

start().catch((error) => {
  setImmediate(() => {
    throw error;
  });
});
