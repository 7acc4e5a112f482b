/**
 * The spec's shape: one strict schema that is the parser, the type, the JSON Schema for editors and the source of
 * docs/spec.md. What takes more than one value to judge is a rule (see rules/).
 *
 * Sizes become MiB, durations seconds and MAC addresses lower case on the way in.
 */
import * as z from 'zod';
import { about } from './about.ts';
import { text } from './formats.ts';
import { Ha } from './ha-schema.ts';
import { Base, Media, Repository } from './media-schema.ts';
import { parseSize } from './size.ts';

const NO_WHOLE_MIB = 'is not a whole number of MiB above zero';

function toMiB(value: string, context: z.RefinementCtx<string>): number {
  const mib = parseSize(value);
  if (mib !== undefined) return mib;
  context.addIssue({ code: 'custom', message: `'${value}' ${NO_WHOLE_MIB}`, params: { rule: 'bad-size' } });
  return z.NEVER;
}

const size = () => text('size').transform(toMiB);
const volumeSize = () =>
  text('volumeSize').transform((value, context) =>
    value === 'rest' ? ('rest' as const) : toMiB(value, context),
  );
const mac = () => text('mac').transform((value) => value.toLowerCase());

const Bond = z.strictObject({
  mode: z
    .enum([
      'active-backup',
      '802.3ad',
      'balance-rr',
      'balance-xor',
      'broadcast',
      'balance-tlb',
      'balance-alb',
    ])
    .default('active-backup')
    .meta(
      about('How the cards share the work, in the words of the Linux bonding driver.', {
        example: '802.3ad',
      }),
    ),
  macs: z
    .array(mac())
    .min(2)
    .max(8)
    .meta(
      about('The cards of the bond.', {
        unit: 'MAC address',
        example: '[52:54:00:10:00:0a, 52:54:00:10:01:0a]',
      }),
    ),
});

const Interface = z.strictObject({
  name: text('shortName').meta(about('A name for people; the kernel keeps its own.', { example: 'lan' })),
  mac: mac()
    .optional()
    .meta(
      about(
        'The card, by its MAC address. Without one the first wired card is taken, which only suits machines with one.',
        {
          unit: 'MAC address',
          example: '52:54:00:10:00:0a',
        },
      ),
    ),
  bond: Bond.optional().meta(about('Several cards as one, instead of `mac`.', {})),
  vlan: z
    .int()
    .min(1)
    .max(4094)
    .optional()
    .meta(about('Tagged VLAN on top of the card or the bond.', { unit: 'VLAN id', example: '42' })),
  address: text('interfaceAddress').meta(
    about('Static IPv4 address with prefix length, or `dhcp`.', {
      unit: 'IPv4/prefix',
      example: '10.10.0.11/24',
    }),
  ),
  gateway: text('ipv4')
    .optional()
    .meta(
      about('Default route. At most one interface of a node has it.', { unit: 'IPv4', example: '10.10.0.1' }),
    ),
  use: z
    .array(z.enum(['cluster', 'replication']))
    .min(1)
    .max(2)
    .optional()
    .meta(
      about(
        'What the nodes of a cluster do over it: keep in touch (one or two links), replicate their data (one). ' +
          'Where no interface of a node has a use, the first one with a static address has it.',
        { example: '[replication]' },
      ),
    ),
});

const DiskByIdentity = z.strictObject({
  id: text('diskLink')
    .optional()
    .meta(about('Name below `/dev/disk/by-id`.', { example: 'ata-SAMSUNG_MZ7LH480_S45PNA0M1' })),
  serial: text('diskText')
    .optional()
    .meta(about('Serial number, as `lsblk -do NAME,SERIAL` prints it.', { example: 'S45PNA0M1' })),
  wwn: text('wwn')
    .optional()
    .meta(about('World wide name, as `lsblk -do NAME,WWN` prints it.', { example: '"0x5000c500a1b2c3d4"' })),
  path: text('diskLink')
    .optional()
    .meta(
      about('Name below `/dev/disk/by-path`: the slot, whatever disk is in it.', {
        example: 'pci-0000:00:1f.2-ata-1',
      }),
    ),
  wipe: z
    .boolean()
    .default(false)
    .meta(about('`true`: foreign data on this very disk may be destroyed.', { example: 'true' })),
});

const DiskMatch = z.strictObject({
  minSize: size()
    .optional()
    .meta(about('Smallest disk, inclusive.', { unit: 'MiB, GiB, TiB', example: '7 GiB' })),
  maxSize: size()
    .optional()
    .meta(about('Largest disk, inclusive.', { unit: 'MiB, GiB, TiB', example: '500 GiB' })),
  bus: z
    .enum(['ata', 'scsi', 'nvme', 'virtio', 'usb'])
    .optional()
    .meta(about('How the disk is attached.', { example: 'nvme' })),
  model: text('diskText')
    .optional()
    .meta(about("Exact text of the kernel's model attribute.", { example: 'SAMSUNG MZ7LH480' })),
  rotational: z
    .boolean()
    .optional()
    .meta(about('`true`: spinning disks only; `false`: none.', { example: 'false' })),
});

const DisksByPredicate = z.strictObject({
  count: z
    .int()
    .min(1)
    .max(16)
    .meta(
      about('Exactly this many disks must match; one more or one less and nothing is touched.', {
        unit: 'disks',
        example: '2',
      }),
    ),
  match: DiskMatch.prefault({}).meta(
    about('What a disk must be like. Empty: every disk that is not the install medium.', {
      example: 'minSize: 7 GiB',
    }),
  ),
});

const Node = z.strictObject({
  name: text('hostName').meta(
    about('Host name, and the name of the boot-menu entry.', { example: 'node-a' }),
  ),
  role: z
    .enum(['standalone', 'ha-pair', 'cluster'])
    .default('standalone')
    .meta(
      about(
        '`ha-pair`: one of two nodes that replicate their `clustered` volume. `cluster`: one of 3 to 16 that keep a ' +
          'service running and replicate nothing. What they run stands under `ha`.',
        { example: 'ha-pair' },
      ),
    ),
  layout: text('hostName').meta(about('Name of one of the `layouts`.', { example: 'raid1-pair' })),
  interfaces: z
    .array(Interface)
    .min(1)
    .max(16)
    .prefault([{ name: 'lan', address: 'dhcp' }])
    .meta(about('The network cards that are configured.', { example: '[{ name: lan, address: dhcp }]' })),
  disks: z.union([z.array(DiskByIdentity).min(1).max(16), DisksByPredicate]).meta(
    about(
      'Either a list of disks, each by its own identity, or a predicate and how many disks it must match.',
      {
        example: '{ count: 2, match: { minSize: 7 GiB } }',
      },
    ),
  ),
  afterInstall: z
    .enum(['reboot', 'poweroff', 'halt'])
    .default('reboot')
    .meta(about('What the installer does when it is done.', { example: 'poweroff' })),
  kernelArgs: z
    .array(text('kernelArg'))
    .max(32)
    .default([])
    .meta(about("Extra words for the installed kernel's command line.", { example: '[mitigations=auto]' })),
});

const Volume = z.strictObject({
  role: z
    .enum(['esp', 'boot', 'root', 'swap', 'data', 'clustered'])
    .meta(about('What the volume is for. Only `data` may appear more than once.', { example: 'root' })),
  size: volumeSize().meta(
    about('How large it is; `rest` takes what the others leave, for one volume of a layout.', {
      unit: 'MiB, GiB, TiB or `rest`',
      example: '600 MiB',
    }),
  ),
  atLeast: size()
    .optional()
    .meta(
      about('With `size: rest`: refuse disks that leave less. Without it: 2 GiB for root, else 256 MiB.', {
        unit: 'MiB, GiB, TiB',
        example: '100 GiB',
      }),
    ),
  atMost: size()
    .optional()
    .meta(
      about('With `size: rest`: leave what is beyond this unused.', {
        unit: 'MiB, GiB, TiB',
        example: '1 TiB',
      }),
    ),
  name: text('volumeName')
    .optional()
    .meta(
      about('Tells several `data` volumes apart. The partition is called `slipway-<name>`.', {
        example: 'logs',
      }),
    ),
  fileSystem: z
    .enum(['ext4', 'xfs'])
    .optional()
    .meta(about('For `root`, `data` and `clustered`; `ext4` when absent.', { example: 'xfs' })),
  mount: text('mountPoint')
    .optional()
    .meta(
      about(
        'For `data` (`/srv` when absent) and for `clustered` (`/srv/cluster`), which is mounted where the service runs.',
        { example: '/srv' },
      ),
    ),
  encrypted: z
    .boolean()
    .default(false)
    .meta(
      about(
        'For `root`, `data` and `swap`: LUKS2. The vendor’s installer asks for the passphrase; the embedded base cannot.',
        {
          example: 'true',
        },
      ),
    ),
});

const Layout = z.strictObject({
  kind: z.enum(['single', 'raid1']).meta(
    about('`single`: one disk. `raid1`: every volume mirrored over two or more disks.', {
      example: 'raid1',
    }),
  ),
  firmware: z
    .array(z.enum(['bios', 'uefi']))
    .min(1)
    .max(2)
    .default(['bios', 'uefi'])
    .meta(
      about('How the installed node can boot; both from one installation by default.', { example: '[uefi]' }),
    ),
  spares: z
    .int()
    .min(0)
    .max(14)
    .default(0)
    .meta(about('How many of the disks stand by, for `raid1`.', { unit: 'disks', example: '1' })),
  volumeGroup: text('volumeGroup')
    .optional()
    .meta(
      about(
        'Puts root, swap and data into an LVM volume group of this name. The clustered volume stays a partition.',
        {
          example: 'system',
        },
      ),
    ),
  volumes: z
    .array(Volume)
    .min(1)
    .max(32)
    .meta(about('The volumes; on the disk the growing one comes last.', {})),
});

const Access = z.strictObject({
  rootPasswordHash: text('passwordHash')
    .optional()
    .meta(about("A crypt(3) hash; without one root's password is locked.", { example: '$6$salt$hash' })),
  sshKeys: z
    .array(text('sshKey'))
    .max(64)
    .default([])
    .meta(
      about('OpenSSH public keys that may log in as root.', { example: '[ssh-ed25519 AAAA... me@desk]' }),
    ),
});

export const ClusterSchema = z.strictObject({
  slipway: z.literal(1).meta(about("Version of the spec's language.", { example: '1' })),
  cluster: text('hostName').meta(
    about('Name of the cluster, of the ISO and of its volume id.', { example: 'ha-pair' }),
  ),
  release: z
    .enum(['embedded', 'rhel8', 'rhel9', 'rhel10', 'fedora44'])
    .default('embedded')
    .meta(
      about('What is installed: the embedded base, or the vendor medium the kickstarts are written for.', {
        example: 'rhel9',
      }),
    ),
  locale: text('locale')
    .default('en_US.UTF-8')
    .meta(about('Language of the installed system.', { example: 'de_DE.UTF-8' })),
  keyboard: text('keyboard')
    .default('us')
    .meta(about('Console keymap.', { example: 'de' })),
  timezone: text('timezone')
    .default('UTC')
    .meta(about('Time zone of the tz database.', { example: 'Europe/Berlin' })),
  timeServers: z
    .array(text('server'))
    .max(16)
    .default([])
    .meta(about('NTP servers; none are configured when empty.', { example: '[ntp1.example.org]' })),
  nameServers: z
    .array(text('ipv4'))
    .max(3)
    .default([])
    .meta(about('DNS servers.', { unit: 'IPv4', example: '[10.10.0.1]' })),
  access: Access.prefault({}).meta(about('Who may log in. Nobody, unless this says so.', {})),
  nodes: z.array(Node).min(1).max(64).meta(about('The machines, in the order of the boot menu.', {})),
  ha: Ha.optional().meta(about('What the nodes of role `ha-pair` or `cluster` keep running together.', {})),
  layouts: z.record(text('hostName'), Layout).meta(about('Named disk layouts that nodes refer to.', {})),
  steps: text('folder')
    .optional()
    .meta(
      about(
        'Folder of your own steps, relative to the spec: every folder in it holds an executable `check` and `apply`.',
        {
          example: './steps',
        },
      ),
    ),
  packages: z
    .array(text('rpmPackage'))
    .max(256)
    .default([])
    .meta(
      about('More packages for every node, from the medium or a repository; `@name` is a group.', {
        example: '[tmux, site-tools]',
      }),
    ),
  repositories: z
    .array(Repository)
    .max(32)
    .default([])
    .meta(about('Repositories beside those of the medium, for releases of a vendor.', {})),
  base: Base.prefault({}).meta(about('The embedded base.', {})),
  media: Media.prefault({}).meta(about('The install medium and its boot menu.', {})),
});

/** A spec that passed the schema: defaults filled in, sizes in MiB, durations in seconds. */
export type ClusterSpec = z.output<typeof ClusterSchema>;
export type NodeSpec = ClusterSpec['nodes'][number];
export type InterfaceSpec = NodeSpec['interfaces'][number];
export type LayoutSpec = ClusterSpec['layouts'][string];
export type VolumeSpec = LayoutSpec['volumes'][number];
export type VolumeRole = VolumeSpec['role'];
