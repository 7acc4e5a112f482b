/** Disks of virtual machines: sparse raw files, so that what was written can be read without QEMU. */
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** An empty disk; fails when the file is there already. */
export async function createDisk(file: string, bytes: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(file, 'wx');
  try {
    await handle.truncate(bytes);
  } finally {
    await handle.close();
  }
}
