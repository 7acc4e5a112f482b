/** As much of DRBD 8.4 as a formation touches; what it prints was recorded from drbd-utils 9.22. */
import { REPLICATED_DEVICE } from '../../postinstall/cluster/members.ts';
import type { CommandResult } from '../../src/engine/command.ts';
import { type FakeNode, type FakePair, type FakePrograms, failing, otherThan } from './fake-nodes.ts';

export const DISK = '/dev/disk/by-partlabel/slipway-clustered';
export const JUST_MADE = '0000000000000004';
const FIRST_DATA = 'A5B41C8E27D60F93';

type Drbd = NonNullable<FakeNode['run']['drbd']>;

/** An ext4 superblock with our label, as far as it is looked at. */
const SUPERBLOCK = (() => {
  const bytes = Buffer.alloc(8192);
  bytes.writeUInt16LE(0xef53, 1024 + 56);
  bytes.writeUInt32LE(0x40, 1024 + 96);
  bytes.write('slipway', 1024 + 120);
  return bytes;
})();

const secretOf = ({ machine }: FakeNode): string =>
  /shared-secret "(.*)"/.exec(String(machine.files.get('/etc/drbd.d/slipway.res')))?.[1] ?? '';

/** DRBD as it is once the node has its disk and nobody was met. */
export const attached = (node: FakeNode): Drbd => ({
  connected: false,
  standAlone: false,
  primary: false,
  attached: true,
  secret: secretOf(node),
});

/** Both up, linked, and with a common past or none: DRBD connects, and the newer data goes to the other side. */
export function settle({ nodes: [a, b], linked }: FakePair): void {
  const [da, db] = [a.run.drbd, b.run.drbd];
  if (da === undefined || db === undefined || !linked || !da.attached || !db.attached) {
    for (const d of [da, db]) if (d !== undefined) d.connected = false;
    return;
  }
  if (da.standAlone || db.standAlone) return;
  // Who is connected proved itself with what it had then.
  if (!(da.connected && db.connected) && da.secret !== db.secret) {
    part(da, db);
    return;
  }
  da.connected = true;
  db.connected = true;
  const [ga, gb] = [a.disk.generation, b.disk.generation];
  if (ga === gb) return;
  if (ga === JUST_MADE) copy(b, a);
  else if (gb === JUST_MADE) copy(a, b);
  else part(da, db);
}

function part(...sides: readonly Drbd[]): void {
  for (const side of sides) Object.assign(side, { connected: false, standAlone: true });
}

function copy(from: FakeNode, to: FakeNode): void {
  to.disk.generation = from.disk.generation ?? JUST_MADE;
  to.disk.fileSystem = from.disk.fileSystem;
  to.machine.files.set(DISK, from.machine.files.get(DISK) ?? '');
}

/** What `drbdsetup status --verbose` prints. */
export function drbdStatus(pair: FakePair, node: FakeNode): string {
  const own = node.run.drbd;
  if (own === undefined) return '';
  const other = otherThan(pair, node);
  const here = own.attached ? dataOf(node) : 'Diskless';
  const head = `slipway role:${own.primary ? 'Primary' : 'Secondary'} suspended:no\n  volume:0 minor:0 disk:${here} blocked:no\n`;
  // As DRBD 8.4 has it; 9 says `connection:StandAlone`.
  if (own.standAlone) return `${head}\n`;
  if (!own.connected)
    return `${head}  peer connection:Connecting role:Unknown congested:no\n    volume:0 replication:Off peer-disk:DUnknown resync-suspended:no\n\n`;
  const role = other.run.drbd?.primary ? 'Primary' : 'Secondary';
  return `${head}  peer connection:Connected role:${role} congested:no\n    volume:0 replication:Established peer-disk:${dataOf(other)} resync-suspended:no\n\n`;
}

const dataOf = ({ disk }: FakeNode): string => (disk.generation === JUST_MADE ? 'Inconsistent' : 'UpToDate');

export const DRBD_PROGRAMS: FakePrograms = {
  modprobe: (_, { machine }) => {
    machine.files.set('/sys/module/drbd/version', '8.4.11\n');
    return '';
  },
  drbdadm: (pair, node, { args }) => drbdadm(pair, node, args),
  blkid: (_, { disk }, { args }) => {
    const type = args.at(-1) === REPLICATED_DEVICE && disk.fileSystem ? 'ext4' : undefined;
    return type === undefined ? failing(2) : `TYPE=${type}\n`;
  },
  'mkfs.ext4': ({ nodes }, node) => {
    for (const one of nodes) {
      if (one !== node && !node.run.drbd?.connected) continue;
      one.disk.fileSystem = true;
      one.machine.files.set(DISK, SUPERBLOCK);
    }
    return '';
  },
};

function drbdadm(pair: FakePair, node: FakeNode, args: readonly string[]): string | Partial<CommandResult> {
  const { disk, run } = node;
  settle(pair);
  switch (args[0]) {
    case 'sh-resources':
      return node.machine.files.has('/etc/drbd.d/slipway.res') ? 'slipway\n' : '';
    case 'dump-md':
      if (run.drbd !== undefined) return failing(20, 'Exclusive open failed. Do it anyways?\n');
      return disk.generation === undefined ? failing(1, 'No valid meta data found\n') : 'version "v08";\n';
    case 'create-md':
      pair.dangerous.push(`${node.name} create-md`);
      if (disk.strangeData)
        return failing(1, '', 'md_offset 98562048\n\nFound some data\n\nOperation canceled.\n');
      disk.generation = JUST_MADE;
      return 'New drbd meta data block successfully created.\n';
    case 'get-gi':
      return disk.generation === undefined
        ? failing(1)
        : `${disk.generation}:0000000000000000:0:0:0:0:0:0:0\n`;
    case '--dry-run':
      if (run.drbd === undefined || run.drbd.standAlone)
        return 'drbdsetup-84 connect --shared-secret=hidden\n';
      return run.drbd.secret === secretOf(node) ? '' : 'drbdsetup-84 net-options --shared-secret=hidden\n';
    case 'adjust':
      if (disk.generation === undefined) return failing(1, 'No valid meta data found\n');
      run.drbd ??= attached(node);
      Object.assign(run.drbd, { standAlone: false, secret: secretOf(node) });
      settle(pair);
      return '';
    case 'primary':
      if (run.drbd === undefined) return failing(10, 'no such resource\n');
      if (args[1] === '--force') {
        pair.dangerous.push(`${node.name} primary --force`);
        if (disk.generation === JUST_MADE) disk.generation = FIRST_DATA;
      }
      run.drbd.primary = true;
      settle(pair);
      return '';
    case 'secondary':
      if (run.drbd !== undefined) run.drbd.primary = false;
      return '';
    default:
      return failing(1, `unknown command ${args[0]}\n`);
  }
}
