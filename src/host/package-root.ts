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

/** Our own version, as package.json has it. */
export function packageVersion(): string {
  const version = readManifest(join(packageRoot(), 'package.json'))['version'];
  if (typeof version !== 'string') throw new Error('package.json names no version');
  return version;
}

function findRoot(start: string): string {
  for (let dir = start; ; dir = dirname(dir)) {
    const manifest = join(dir, 'package.json');
    if (existsSync(manifest) && readManifest(manifest)['name'] === 'slipway') return dir;
    if (dir === dirname(dir)) throw new Error(`no package.json of slipway above ${start}`);
  }
}

function readManifest(path: string): Readonly<Record<string, unknown>> {
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
}
