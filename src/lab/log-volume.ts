/**
 * A stick in each machine that installs, for the installer to leave its log on when it fails: the screen shows little of
 * it, and the machine's memory goes with the machine.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Exec } from '../engine/command.ts';
import { toolNeeds } from '../host/tools.ts';
import { createDisk } from './disks.ts';

export const LOG_VOLUME_TOOLS = toolNeeds('mkfs.vfat', 'mcopy');

/** What the installer looks for, and what it writes there; see src/installer/save-log.ts. */
const LABEL = 'SLIPWAYLOG';
const NAME = 'slipway-installer.log';
const MIB = 8;

/** Its place beside a node's consoles. */
export const logVolume = (consoleLog: string): string => join(dirname(consoleLog), 'log-stick.img');

/** Where the log of an installation that failed is kept. */
export const installerLog = (consoleLog: string): string => join(dirname(consoleLog), 'installer.log');

export async function makeLogVolume(exec: Exec, image: string): Promise<void> {
  await createDisk(image, MIB * 2 ** 20);
  await exec({ file: 'mkfs.vfat', args: ['-n', LABEL, image], effect: 'write' });
}

/** Takes the log off the stick. Returns whether there was one. */
export async function readLogVolume(exec: Exec, image: string, to: string): Promise<boolean> {
  const args = ['-n', '-i', image, `::${NAME}`, to];
  await exec({ file: 'mcopy', args, effect: 'write', accept: [0, 1] });
  return existsSync(to);
}
