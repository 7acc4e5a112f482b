import type { Step } from '../../engine/step.ts';
import { configFiles } from '../config-files.ts';
import { deviceIds } from '../device-ids.ts';
import { type Installation, onTarget } from '../installation.ts';

/** Writes what makes the unpacked image this node: host name, mounts, arrays, network, time. */
export const writeConfiguration: Step<Installation> = {
  id: 'write-configuration',
  title: 'Configure the system',
  after: ['unpack-image'],
  async check(machine, { config, model }) {
    const files = configFiles(config, model, await deviceIds(machine, model));
    for (const [path, content] of files) {
      if ((await machine.readFile(onTarget(path))) !== content)
        return { done: false, why: `${path} is not written` };
    }
    const { stdout: link } = await machine.exec({
      file: 'readlink',
      args: [onTarget('/etc/localtime')],
      effect: 'read',
      accept: [0, 1],
    });
    if (link.trim() !== zoneLink(config.time.zone)) return { done: false, why: 'the time zone is not set' };
    return { done: true, evidence: { files: [...files.keys()] } };
  },
  async apply(machine, { config, model }) {
    const files = configFiles(config, model, await deviceIds(machine, model));
    for (const [path, content] of files) await machine.writeFile(onTarget(path), content, 0o644);
    await machine.exec({
      file: 'ln',
      args: [
        '--symbolic',
        '--force',
        '--no-target-directory',
        zoneLink(config.time.zone),
        onTarget('/etc/localtime'),
      ],
      effect: 'write',
    });
  },
};

/** Relative, as Anaconda and systemd make it. */
const zoneLink = (name: string): string => `../usr/share/zoneinfo/${name}`;
