/** Ending a lab with all that it has anywhere. */
import type { Exec } from '../engine/command.ts';
import type { LabFolder } from '../lab/lab-folder.ts';
import { endLab } from '../lab/launch.ts';
import { LibvirtLab } from '../lab/libvirt-lab.ts';

/**
 * Ends exactly what the lab has started and removes its files. Machines of libvirt's outlive whoever started them, and
 * are found by the lab's id. Returns whether anything ran.
 */
export async function endWholeLab(folder: LabFolder, exec: Exec): Promise<boolean> {
  const ran = await endLab(folder);
  // One that another version made cannot be read, and is ended all the same.
  const engine = (await folder.plan().catch(() => undefined))?.engine;
  if (engine?.kind === 'libvirt') {
    const lab = await LibvirtLab.connect(engine, exec);
    try {
      await lab.clear();
    } finally {
      await lab.session.close();
    }
  }
  await folder.remove();
  return ran;
}
