import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { readArrays } from '../../storage/md.ts';
import { configFiles, type DeviceIds } from '../config-files.ts';
import { type Installation, onTarget, TARGET } from '../installation.ts';
import type { StorageModel } from '../model.ts';
import type { RootAccess } from '../system-config.ts';
import { probe } from './make-file-systems.ts';

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
    if ((await machine.realPath(onTarget('/etc/localtime'))) !== onTarget(zone(config.timezone))) {
      return { done: false, why: 'the time zone is not set' };
    }
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

/** UUIDs read from the devices, for configuration that must hold whatever the kernel calls them next time. */
export async function deviceIds(machine: Machine, model: StorageModel): Promise<DeviceIds> {
  const fileSystems = new Map<string, string>();
  for (const { device } of model.fileSystems) {
    fileSystems.set(device, (await probe(machine, device)).get('UUID') ?? '');
  }
  const states = await readArrays(machine);
  const arrays = new Map<string, string>();
  for (const { name } of model.arrays) {
    const device = states.find((state) => state.name === name)?.device;
    if (device !== undefined) arrays.set(name, await arrayUuid(machine, device));
  }
  const found = (map: ReadonlyMap<string, string>, key: string): string => {
    const value = map.get(key);
    if (value === undefined || value === '') throw new Error(`${key} has no UUID`);
    return value;
  };
  return { fileSystem: (device) => found(fileSystems, device), array: (name) => found(arrays, name) };
}

async function arrayUuid(machine: Machine, device: string): Promise<string> {
  const { stdout } = await machine.exec({
    file: 'mdadm',
    args: ['--detail', '--export', `/dev/${device}`],
    effect: 'read',
  });
  return /^MD_UUID=(.+)$/m.exec(stdout)?.[1] ?? '';
}

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
