import type { Step } from '../../engine/step.ts';
import { type Installation, onTarget } from '../installation.ts';

/** Leaves on the installed system by what it was installed: `/root/original-ks.cfg` and `/root/anaconda-ks.cfg`. */
export const keepKickstart: Step<Installation> = {
  id: 'keep-kickstart',
  title: 'Keep the kickstart',
  after: ['write-configuration'],
  async check(machine, { kickstarts }) {
    for (const [path, text] of kickstarts ?? []) {
      if ((await machine.readFile(onTarget(path))) !== text)
        return { done: false, why: `there is no ${path}` };
    }
    return { done: true, evidence: { files: [...(kickstarts?.keys() ?? [])] } };
  },
  async apply(machine, { kickstarts }) {
    // Readable for root only: the original may hold passwords.
    for (const [path, text] of kickstarts ?? []) await machine.writeFile(onTarget(path), text, 0o600);
  },
};
