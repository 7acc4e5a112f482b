import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let found: string | undefined;

/**
 * The folder that holds our package.json, absolute: the checkout when run from sources or from `lib/`, or
 * `node_modules/slipway` when installed. Templates, examples and bundles are found below it.
 */
export function packageRoot(): string {
  found ??= findRoot(dirname(fileURLToPath(import.meta.url)));
  return found;
}

function findRoot(start: string): string {
  for (let dir = start; ; dir = dirname(dir)) {
    if (isOurs(join(dir, 'package.json'))) return dir;
    if (dir === dirname(dir)) throw new Error(`no package.json of slipway above ${start}`);
  }
}

function isOurs(manifest: string): boolean {
  if (!existsSync(manifest)) return false;
  const parsed: unknown = JSON.parse(readFileSync(manifest, 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'name' in parsed && parsed.name === 'slipway';
}
