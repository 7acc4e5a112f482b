import type { Step } from '../../engine/step.ts';
import { configFiles, configLinks } from '../config-files.ts';
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
    const links = configLinks(config);
    for (const [path, target] of links) {
      const { stdout } = await machine.exec({
        file: 'readlink',
        args: [onTarget(path)],
        effect: 'read',
        accept: [0, 1],
      });
      if (stdout.trim() !== target) return { done: false, why: `${path} does not lead to ${target}` };
    }
    return { done: true, evidence: { files: [...files.keys(), ...links.keys()] } };
  },
  async apply(machine, { config, model }) {
    const files = configFiles(config, model, await deviceIds(machine, model));
    for (const [path, content] of files) await machine.writeFile(onTarget(path), content, 0o644);
    for (const [path, target] of configLinks(config)) {
      await machine.exec({
        file: 'ln',
        args: ['--symbolic', '--force', '--no-target-directory', target, onTarget(path)],
        effect: 'write',
      });
    }
  },
};
