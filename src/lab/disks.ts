/** Files of virtual machines. Disks are sparse raw files, so that what was written can be read without QEMU. */

import { existsSync } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Command, Exec } from '../engine/command.ts';
import { makeFolder } from '../engine/make-folder.ts';
import type { LabMachineSpec } from './engine.ts';
import { OVMF } from './qemu-args.ts';

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

/** A disk's content. */
export interface Image {
  readonly file: string;
  readonly format: 'raw' | 'qcow2';
}

export const rawImage = (file: string): Image => ({ file, format: 'raw' });

/** Makes an image whose content is another one's until it is written to. */
export const overlayCommand = (backing: Image, file: string): Command => ({
  file: 'qemu-img',
  args: ['create', '-q', '-f', 'qcow2', '-F', backing.format, '-b', backing.file, file],
  effect: 'write',
});

/** Makes what a machine writes to besides its disks, and is not there yet: UEFI's variables, and disks' `changes`. */
export async function makeOwnFiles({ disks, efiVars, firmware }: LabMachineSpec, exec: Exec): Promise<void> {
  if (firmware !== 'bios' && efiVars !== undefined && !existsSync(efiVars)) {
    await copyFile(OVMF[firmware].vars, efiVars);
  }
  for (const { file, changes } of disks) {
    if (changes !== undefined && !existsSync(changes)) await exec(overlayCommand(rawImage(file), changes));
  }
}
