/** Finds the kickstart this machine is to be installed by. It never guesses: one answer or none. */
import { StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';
import type { NodePlan } from '../plan/types.ts';
import { readFileSystem } from '../storage/file-system.ts';
import type { BootArguments, KickstartSource } from './boot-arguments.ts';
import { ensureNetwork } from './live-network.ts';

/** Where the medium is mounted, as Anaconda has it. */
const MEDIUM_FOLDER = '/run/install/repo';
const FOREIGN_FOLDER = '/run/slipway/kickstart';

export interface FoundKickstart {
  readonly text: string;
  /** As it is named in messages: `ks/node-a.ks on the medium`. */
  readonly file: string;
  /** The node's name, when the medium knows it. */
  readonly node?: string;
}

/** Rejects with a StepFailure of class `config-invalid` or `waiting-operator` that says what was looked for and where. */
export async function findKickstart(machine: Machine, args: BootArguments): Promise<FoundKickstart> {
  const named = args.node === 'by-mac' ? await nodeByMac(machine) : args.node;
  const node = named === undefined ? {} : { node: named };
  if (args.kickstart !== undefined) return { ...(await load(machine, args.kickstart)), ...node };
  if (named !== undefined) {
    const path = `${MEDIUM_FOLDER}/slipway/ks/${named}.ks`;
    return { ...(await load(machine, { kind: 'file', path })), node: named };
  }
  if ((await machine.realPath('/dev/disk/by-label/OEMDRV')) !== undefined) {
    return load(machine, { kind: 'volume', volume: 'LABEL=OEMDRV', path: '/ks.cfg' });
  }
  throw new StepFailure(
    'config-invalid',
    'no kickstart: no inst.ks= on the kernel command line, no node chosen, no volume labelled OEMDRV',
    'start again and choose a node in the boot menu',
  );
}

async function load(machine: Machine, source: KickstartSource): Promise<FoundKickstart> {
  switch (source.kind) {
    case 'file':
      return { text: await read(machine, source.path), file: source.path };
    case 'http':
      return { text: await download(machine, source.url), file: source.url };
    case 'cdrom': {
      const drives = (await machine.list('/sys/block')).filter((name) => /^sr\d+$/.test(name));
      for (const name of drives) {
        const text = await onVolume(machine, `/dev/${name}`, (folder) =>
          machine.readFile(`${folder}${source.path}`),
        );
        if (text !== undefined) return { text, file: source.path };
      }
      throw new StepFailure('config-invalid', `no CD or DVD holds ${source.path}`);
    }
    case 'volume': {
      const device = await volumeDevice(machine, source.volume);
      const text = await onVolume(machine, device, (folder) =>
        read(machine, `${folder}${source.path}`, `${source.path} on ${source.volume}`),
      );
      if (text === undefined) throw new StepFailure('config-invalid', `${device} does not mount`);
      return { text, file: source.path };
    }
  }
}

async function read(machine: Machine, path: string, name = path): Promise<string> {
  const text = await machine.readFile(path);
  if (text === undefined) throw new StepFailure('config-invalid', `there is no kickstart ${name}`);
  return text;
}

/** Tries of a download, and milliseconds between them: half a minute for a server or a link that is still starting. */
const TRIES = 6;
const RETRY_MS = 5_000;

/** Fetches a text. Rejects with a StepFailure of class `config-invalid` that says what the server answered. */
export async function download(machine: Machine, url: string): Promise<string> {
  let last = '';
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    if (attempt > 0) await machine.sleep(RETRY_MS);
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
      if (response.ok) return await response.text();
      last = `the server answers ${response.status} ${response.statusText}`;
      if (response.status < 500) break;
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      last = cause instanceof Error ? cause.message : String(cause);
      // Nobody may have woken the network yet; when that fails too, the next try says so.
      await ensureNetwork(machine).catch(() => undefined);
    }
  }
  throw new StepFailure('config-invalid', `${url} cannot be fetched: ${last}`);
}

/** `LABEL=X`, `UUID=X`, `sdb1` or `/dev/sdb1`. */
async function volumeDevice(machine: Machine, volume: string): Promise<string> {
  const [, key, value = ''] = /^(LABEL|UUID)=(.+)$/.exec(volume) ?? [];
  const named = volume.startsWith('/dev/') ? volume : `/dev/${volume}`;
  const path = key === undefined ? named : `/dev/disk/by-${key.toLowerCase()}/${udevName(value)}`;
  const device = await machine.realPath(path);
  if (device === undefined) {
    throw new StepFailure('config-invalid', `there is no volume ${volume} in this machine`);
  }
  return device;
}

/** As udev names a link: what is special among ASCII characters becomes \xNN (libblkid, `blkid_encode_string`). */
const udevName = (label: string): string =>
  label.replace(/[^\w#+.:=@\u0080-\uffff-]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** What `use` makes of the folder where `device` is mounted; undefined when it does not mount. */
async function onVolume<T>(
  machine: Machine,
  device: string,
  use: (folder: string) => Promise<T>,
): Promise<T | undefined> {
  const mounts = ((await machine.readFile('/proc/self/mounts')) ?? '')
    .split('\n')
    .map((line) => line.split(' '));
  const there = mounts.find(([source]) => source === device)?.[1];
  if (there !== undefined) return use(there);
  await machine.exec({ file: 'mkdir', args: ['-p', FOREIGN_FOLDER], effect: 'write' });
  const { exitCode } = await machine.exec({
    file: 'mount',
    args: [...(await mountArguments(machine, device)), device, FOREIGN_FOLDER],
    effect: 'write',
    // 32: the volume does not mount.
    accept: [0, 32],
  });
  if (exitCode !== 0) {
    // On a stick the first partition is the medium's file system once more, and the kernel mounts it only once.
    const medium = mounts.find(([, at]) => at === MEDIUM_FOLDER)?.[0];
    return medium !== undefined && (await isPartitionOf(machine, device, medium))
      ? use(MEDIUM_FOLDER)
      : undefined;
  }
  try {
    return await use(FOREIGN_FOLDER);
  } finally {
    await machine.exec({ file: 'umount', args: [FOREIGN_FOLDER], effect: 'write' });
  }
}

async function isPartitionOf(machine: Machine, device: string, disk: string): Promise<boolean> {
  const name = (path: string): string => path.replace(/^\/dev\//, '');
  const home = await machine.realPath(`/sys/class/block/${name(device)}`);
  return home?.endsWith(`/${name(disk)}/${name(device)}`) === true;
}

/**
 * A read-only mount of a journalling file system still replays its journal, which writes: the volume may lie on a disk
 * that must stay as it is. Types that are not named here are not tried.
 */
async function mountArguments(machine: Machine, device: string): Promise<readonly string[]> {
  // A drive without a medium cannot be read at all; mount says so.
  const type = (await readFileSystem(machine, device).catch(() => undefined))?.type;
  return type !== undefined && ['ext3', 'ext4', 'xfs'].includes(type)
    ? ['-t', type, '-o', 'ro,norecovery']
    : ['-t', 'iso9660,vfat,udf,exfat,ext2', '-o', 'ro'];
}

/** The one node whose interfaces include a card of this machine. */
async function nodeByMac(machine: Machine): Promise<string> {
  const cards: string[] = [];
  for (const name of await machine.list('/sys/class/net')) {
    const address = ((await machine.readFile(`/sys/class/net/${name}/address`)) ?? '').trim().toLowerCase();
    if (address !== '' && address !== '00:00:00:00:00:00') cards.push(address);
  }
  const folder = `${MEDIUM_FOLDER}/slipway/nodes`;
  const matches: string[] = [];
  for (const file of await machine.list(folder)) {
    const macs = macsOf(await machine.readFile(`${folder}/${file}`), file);
    if (macs.some((mac) => cards.includes(mac.toLowerCase()))) matches.push(file.replace(/\.json$/, ''));
  }
  const [only, second] = matches;
  if (only !== undefined && second === undefined) return only;
  throw new StepFailure(
    'config-invalid',
    only === undefined
      ? `no node of this medium has a network card of this machine (${cards.join(', ') || 'it has none'})`
      : `this machine has network cards of several nodes: ${matches.join(', ')}`,
    'start again and choose the node by its name in the boot menu',
  );
}

/** MAC addresses of a node of the medium. */
function macsOf(text: string | undefined, file: string): readonly string[] {
  try {
    const node: Pick<NodePlan, 'interfaces'> = JSON.parse(text ?? '');
    return node.interfaces.flatMap(({ mac, bond }) => [mac ?? [], bond?.macs ?? []].flat());
  } catch (error) {
    throw new StepFailure('config-invalid', `the medium's ${file} cannot be read`, 'write the medium anew', {
      cause: error,
    });
  }
}
