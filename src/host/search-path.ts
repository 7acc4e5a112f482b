import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where programs are looked for. Debian keeps /usr/sbin off a normal user's PATH, and half our tools live there. */
export function searchPath(path: string = process.env['PATH'] ?? ''): string {
  const dirs = path.split(':').filter((dir) => dir !== '');
  const extra = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'].filter((dir) => !dirs.includes(dir));
  return [...dirs, ...extra].join(':');
}

/** The program's absolute path, or undefined; a name that holds a slash is taken as it is and need only exist. */
export function findProgram(name: string, path: string = searchPath()): string | undefined {
  if (name.includes('/')) return isFile(name, constants.R_OK) ? name : undefined;
  return path
    .split(':')
    .map((dir) => join(dir, name))
    .find((candidate) => isFile(candidate, constants.X_OK));
}

function isFile(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
