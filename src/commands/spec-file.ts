import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { packageRoot } from '../host/package-root.ts';

/** The spec a command works on: the one that was named, else `cluster.yaml` here, else the example that we bring. */
export function specFile(given: string | undefined): string {
  if (given !== undefined) return given;
  if (existsSync('cluster.yaml')) return 'cluster.yaml';
  const example = join(packageRoot(), 'examples', 'ha-pair.yaml');
  const shorter = relative(process.cwd(), example);
  return shorter.startsWith('..') ? example : shorter;
}
