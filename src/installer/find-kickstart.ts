/** Finds the kickstart this machine is to be installed by. It never guesses: one answer or none. */
import { StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';
import type { BootArguments, KickstartSource } from './boot-arguments.ts';

/** Where the medium is mounted, as Anaconda has it. */
export const MEDIUM_FOLDER = '/run/install/repo';
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
      return { text: await read(machine, source.path, source.path), file: source.path };
    case 'http':
      return { text: await download(source.url), file: source.url };
    case 'cdrom': {
      const devices = (await machine.list('/sys/block')).filter((name) => /^sr\d+$/.test(name));
      for (const name of devices) {
        const folder = await mountReadOnly(machine, `/dev/${name}`);
        const text = folder === undefined ? undefined : await machine.readFile(`${folder}${source.path}`);
        if (text !== undefined) return { text, file: source.path };
      }
      throw new StepFailure('config-invalid', `no CD or DVD holds ${source.path}`);
    }
    case 'volume': {
      const device = await volumeDevice(machine, source.volume);
      const folder = await mountReadOnly(machine, device);
      if (folder === undefined) throw new StepFailure('config-invalid', `${device} does not mount`);
      const text = await read(machine, `${folder}${source.path}`, `${source.path} on ${source.volume}`);
      return { text, file: source.path };
    }
  }
}

async function read(machine: Machine, path: string, name: string): Promise<string> {
  const text = await machine.readFile(path);
  if (text === undefined) throw new StepFailure('config-invalid', `there is no kickstart ${name}`);
  return text;
}

/** Fetches a text; a server that is still starting gets half a minute. */
export async function download(url: string): Promise<string> {
  let last = '';
  for (let attempt = 0; attempt < 6; attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 5_000));
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
      if (response.ok) return await response.text();
      last = `the server answers ${response.status} ${response.statusText}`;
      if (response.status < 500) break;
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      last = cause instanceof Error ? cause.message : String(cause);
    }
  }
  throw new StepFailure('config-invalid', `${url} cannot be fetched: ${last}`);
}

/** `LABEL=X`, `UUID=X`, `sdb1` or `/dev/sdb1`. */
async function volumeDevice(machine: Machine, volume: string): Promise<string> {
  const [, key = '', value = ''] = /^(LABEL|UUID)=(.+)$/.exec(volume) ?? [];
  const path =
    key === ''
      ? volume.startsWith('/dev/')
        ? volume
        : `/dev/${volume}`
      : // udev writes what is special in a name as \xNN, a space among it.
        `/dev/disk/by-${key.toLowerCase()}/${value.replace(/[^\w#+.:=@-]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}`;
  const device = await machine.realPath(path);
  if (device === undefined)
    throw new StepFailure('config-invalid', `there is no volume ${volume} in this machine`);
  return device;
}

async function mountReadOnly(machine: Machine, device: string): Promise<string | undefined> {
  const mounts = ((await machine.readFile('/proc/self/mounts')) ?? '')
    .split('\n')
    .map((line) => line.split(' '));
  const there = mounts.find(([source]) => source === device)?.[1];
  if (there !== undefined) return there;
  await machine.exec({ file: 'mkdir', args: ['-p', FOREIGN_FOLDER], effect: 'read' });
  const { exitCode } = await machine.exec({
    file: 'mount',
    args: ['-o', 'ro', device, FOREIGN_FOLDER],
    effect: 'read',
    accept: [0, 32],
  });
  return exitCode === 0 ? FOREIGN_FOLDER : undefined;
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
    const node: unknown = JSON.parse((await machine.readFile(`${folder}/${file}`)) ?? '{}');
    if (macsOf(node).some((mac) => cards.includes(mac))) matches.push(file.replace(/\.json$/, ''));
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

function macsOf(node: unknown): readonly string[] {
  if (typeof node !== 'object' || node === null || !('interfaces' in node) || !Array.isArray(node.interfaces))
    return [];
  return node.interfaces.flatMap((face: { mac?: string; bond?: { macs?: readonly string[] } }) => [
    ...(face.mac === undefined ? [] : [face.mac]),
    ...(face.bond?.macs ?? []),
  ]);
}
