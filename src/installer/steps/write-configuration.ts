import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { configFiles } from '../config-files.ts';
import { deviceIds } from '../device-ids.ts';
import { type Installation, onTarget, TARGET } from '../installation.ts';
import type { RootAccess } from '../system-config.ts';

/** Writes what makes the unpacked image this node: host name, mounts, arrays, network, time, access. */
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
    if (link.trim() !== zone(config.timezone)) return { done: false, why: 'the time zone is not set' };
    if (!(await rootIsSet(machine, config.root))) return { done: false, why: "root's password is not set" };
    const keys = (await machine.readFile(onTarget(KEYS))) ?? '';
    if (config.sshKeys.some((key) => !keys.includes(key)))
      return { done: false, why: "root's ssh keys are not there" };
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
        zone(config.timezone),
        onTarget('/etc/localtime'),
      ],
      effect: 'write',
    });
    await setRootPassword(machine, config.root);
    if (config.sshKeys.length > 0) {
      await machine.writeFile(onTarget(KEYS), config.sshKeys.map((key) => `${key}\n`).join(''), 0o600);
      await machine.exec({ file: 'chmod', args: ['0700', onTarget('/root/.ssh')], effect: 'write' });
    }
  },
};

const KEYS = '/root/.ssh/authorized_keys';

const zone = (name: string): string => `/usr/share/zoneinfo/${name}`;

async function rootIsSet(machine: Machine, root: RootAccess): Promise<boolean> {
  const shadow = (await machine.readFile(onTarget('/etc/shadow'))) ?? '';
  const field = /^root:([^:]*):/m.exec(shadow)?.[1] ?? '';
  switch (root.kind) {
    case 'locked':
      return field.startsWith('!') || field === '*';
    case 'hash':
      return field === root.hash;
    case 'plain':
      return field.startsWith('$');
  }
}

/** Passwords travel by standard input: an argument would show in the process list. */
async function setRootPassword(machine: Machine, root: RootAccess): Promise<void> {
  if (root.kind === 'locked') {
    await machine.exec({
      file: 'passwd',
      args: ['--root', TARGET, '--quiet', '--lock', 'root'],
      effect: 'write',
    });
    return;
  }
  const [args, secret] = root.kind === 'hash' ? [['--encrypted'], root.hash] : [[], root.password];
  await machine.exec({
    file: 'chpasswd',
    args: ['--root', TARGET, ...args],
    stdin: `root:${secret}\n`,
    effect: 'write',
  });
}
