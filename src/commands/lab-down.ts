import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createExec } from '../host/exec.ts';
import { LabFolder } from '../lab/lab-folder.ts';
import { withLabLock } from '../lab/launch.ts';
import type { LabOptions } from './lab.ts';
import { endWholeLab } from './lab-end.ts';

export async function labDown({ dir }: LabOptions): Promise<void> {
  const folder = new LabFolder(resolve(dir));
  if (!existsSync(folder.dir)) return void process.stdout.write(`there was no lab in ${dir}\n`);
  await withLabLock(folder, 'slipway lab down', async () => {
    const known = folder.exists();
    const ran = await endWholeLab(folder, createExec());
    const words = ran
      ? 'the lab has been ended'
      : known
        ? 'the lab had ended already'
        : `there was no lab in ${dir}`;
    process.stdout.write(`${words}${known ? '; its disks are gone' : ''}\n`);
  });
}
