/** `npm run docs:faults`: writes docs/faults.md. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { faultsPage } from './document.ts';
import { FAULTS } from './matrix.ts';

writeFileSync(path.resolve(import.meta.dirname, '../../../docs/faults.md'), faultsPage(FAULTS));
