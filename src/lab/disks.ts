/** Disks of virtual machines: sparse raw files, so that what was written can be read without QEMU. */

import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../engine/make-folder.ts';

/** An empty disk; fails when the file is there already. */
export async function createDisk(file: string, bytes: number): Promise<void> {
  await makeFolder(dirname(file));
  const handle = await open(file, 'wx');
  try {
    await handle.truncate(bytes);
  } finally {
    await handle.close();
  }
}
