import { resolve } from 'node:path';
import { LabFolder } from '../lab/lab-folder.ts';
import { endLab, withLabLock } from '../lab/launch.ts';
import type { LabOptions } from './lab.ts';

export async function labDown({ dir }: LabOptions): Promise<void> {
  const folder = new LabFolder(resolve(dir));
  await withLabLock(folder, 'slipway lab down', async () => {
    const known = folder.exists();
    const ran = await endLab(folder);
    await folder.remove();
    const words = ran
      ? 'the lab has been ended'
      : known
        ? 'the lab had ended already'
        : `there was no lab in ${dir}`;
    process.stdout.write(`${words}${known ? '; its disks are gone' : ''}\n`);
  });
}
