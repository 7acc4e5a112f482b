/** Block devices made of files, where the kernel and the user may have them. */
import { execFileSync } from 'node:child_process';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Lends a loop device over `bytes` of a file; undefined where the kernel or the user may not have one. */
export async function onLoopDevice(
  dir: string,
  bytes: number,
  use: (device: string, backing: string) => Promise<void>,
): Promise<boolean> {
  const backing = join(dir, 'stick.img');
  await writeFile(backing, '');
  await truncate(backing, bytes);
  let device: string;
  try {
    device = execFileSync('losetup', ['--find', '--show', backing], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  } catch {
    return false;
  }
  try {
    await use(device, backing);
    return true;
  } finally {
    execFileSync('losetup', ['--detach', device]);
  }
}
