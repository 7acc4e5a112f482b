/** Writes docs/rules.md from the rules of the linter. */
import { writeFile } from 'node:fs/promises';
import { rulesPage } from '../src/kickstart/lint/catalogue.ts';

await writeFile(new URL('../docs/rules.md', import.meta.url), rulesPage());
