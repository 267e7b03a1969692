import type { Command } from 'commander';
import { registerDrill } from './archive-drill.ts';
import { registerErase } from './archive-erase.ts';
import { registerRestore } from './archive-restore.ts';
import type { CommandContext } from './context.ts';

export function registerArchive(archive: Command, context: CommandContext): void {
  registerRestore(archive, context);
  registerDrill(archive, context);
  registerErase(archive, context);
}
