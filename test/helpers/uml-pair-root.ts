/**
 * The root file system of the nodes of uml-pair.ts: Debian with the packages of the platform table, kept in the cache
 * without the agent, which is put in anew each time.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { PLATFORMS, presetOf } from '../../postinstall/platforms/platforms.ts';
import { openCache } from '../../src/host/cache.ts';
import { packageRoot } from '../../src/host/package-root.ts';

const run = promisify(execFile);
const MODULES = '/usr/lib/uml/modules';
const BASE_PACKAGES =
  'systemd systemd-sysv udev dbus kmod iproute2 procps openssh-server openssh-client e2fsprogs libpam-systemd passwd ' +
  'login util-linux libstdc++6 libatomic1 mdadm fdisk curl tzdata';
/** Seconds of every start that nothing here needs. */
const MASKED =
  'getty@tty1.service getty-static.service serial-getty@tty0.service e2scrub_reap.service apt-daily.timer ' +
  'apt-daily-upgrade.timer dpkg-db-backup.timer systemd-update-utmp.service systemd-binfmt.service logd.service ' +
  'user@0.service user-runtime-dir@0.service systemd-sysusers.service systemd-random-seed.service systemd-sysctl.service ' +
  'systemd-journal-flush.service modprobe@efi_pstore.service modprobe@drm.service modprobe@fuse.service ' +
  'modprobe@configfs.service systemd-pcrphase.service systemd-pcrphase-sysinit.service ldconfig.service ' +
  'mdcheck_start.timer mdcheck_continue.timer mdmonitor-oneshot.timer fstrim.timer systemd-tmpfiles-clean.timer ' +
  'dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount';
const ROOT_MIB = 1200;

/** Names the node, sets up its one card, and shows it the folder `share` of the host. */
const SET_UP = `#!/bin/sh
for word in $(cat /proc/cmdline); do
  case $word in slipway.node=*) name=\${word#slipway.node=} ;; slipway.share=*) share=\${word#slipway.share=} ;; esac
done
echo "$name" > /etc/hostname; hostname "$name"
mkdir -p /run/share; mount -t hostfs -o "$share" none /run/share
ip link set lo up; ip link set vec0 up; ip addr replace 10.77.0.1\${name#n}/24 dev vec0
`;

/** What an installation leaves, made once: the array of the clustered volume, the facts, the record of the layout. */
const INSTALL = `#!/bin/sh -e
udevadm settle
mdadm --create /dev/md/clustered --run --quiet --metadata=1.2 --homehost=any --name=clustered --level=1 \\
  --raid-devices=2 --assume-clean /dev/ubdb1 /dev/ubdc1
mkdir -p /etc/slipway
cp "/run/share/$(hostname).json" /etc/slipway/node.json
udevadm settle
slipway-agent record-layout
sync
`;

const unit = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

const FILES: Readonly<Record<string, { readonly text: string; readonly mode?: number }>> = {
  'usr/local/sbin/node-set-up': { text: SET_UP, mode: 0o755 },
  'usr/local/sbin/node-install': { text: INSTALL, mode: 0o755 },
  'usr/bin/slipway-agent': {
    text: '#!/bin/sh\nexec /usr/bin/node /usr/lib/slipway/agent.mjs "$@"\n',
    mode: 0o755,
  },
  'etc/systemd/system/node-set-up.service': {
    text: unit([
      ...['[Unit]', 'DefaultDependencies=no', 'After=systemd-remount-fs.service'],
      'Before=network-pre.target network.target sysinit.target',
      ...['[Service]', 'Type=oneshot', 'RemainAfterExit=yes', 'ExecStart=/usr/local/sbin/node-set-up'],
      ...['[Install]', 'WantedBy=sysinit.target'],
    ]),
  },
  'etc/systemd/system/node-install.service': {
    text: unit([
      ...['[Unit]', 'ConditionPathExists=!/etc/slipway/layout.json', 'Before=slipway-agent.service'],
      ...['[Service]', 'Type=oneshot', 'ExecStart=/usr/local/sbin/node-install'],
      ...['[Install]', 'WantedBy=multi-user.target'],
    ]),
  },
  'etc/systemd/system-preset/00-slipway.preset': { text: presetOf(PLATFORMS.embedded) },
  'etc/hosts': { text: '127.0.0.1 localhost\n' },
  // Empty, and not "uninitialized": that would make systemd apply presets at the first boot.
  'etc/machine-id': { text: '' },
  'etc/fstab': { text: '/dev/ubda / ext4 rw 0 0\n' },
  'etc/mdadm/mdadm.conf': { text: 'HOMEHOST <ignore>\nMAILADDR root\n' },
  'etc/ssh/sshd_config.d/test.conf': { text: 'PasswordAuthentication no\nUseDNS no\n' },
  // Cards and disks are all that udev has to find here; the kernel's many consoles take seconds.
  'etc/systemd/system/systemd-udev-trigger.service.d/short.conf': {
    text: unit([
      ...['[Service]', 'ExecStart='],
      'ExecStart=-udevadm trigger --type=all --action=add --subsystem-match=block --subsystem-match=net',
    ]),
  },
};

/** Under User-Mode Linux the kernel comes from the host: no disk of a node has a boot loader to prove. */
const withoutBootLoader: Plugin = {
  name: 'without-boot-loader',
  setup({ onLoad }) {
    onLoad({ filter: /steps\/prove-boot-loader\.ts$/ }, () => ({
      loader: 'ts',
      contents:
        "export const proveBootLoader = { id: 'prove-boot-loader', title: 'Boot loader (none here)', after: ['pass-md-gate']," +
        " checks: '', byHand: '', check: async () => ({ done: true, evidence: {} }), apply: async () => {} };",
    }));
  },
};

/** The agent touches its machine through uml-agent-machine.ts, which can stop it at any operation. */
const withPoints: Plugin = {
  name: 'with-points',
  setup({ onResolve }) {
    onResolve({ filter: /\/engine\/local-machine\.ts$/ }, ({ importer }) =>
      importer.endsWith('/postinstall/agent.ts')
        ? { path: join(import.meta.dirname, 'uml-agent-machine.ts') }
        : undefined,
    );
  },
};

/** Root image and ssh key (`root.ext4`, `id`) in `folder`, with this checkout's agent in it. */
export async function makePairRoot(folder: string): Promise<void> {
  const { dir } = await openCache().obtain('uml-pair', await rootKey(), makeRoot);
  await run('cp', ['--sparse=always', join(dir, 'root.ext4'), join(folder, 'root.ext4')]);
  await cp(join(dir, 'id'), join(folder, 'id'));
  await chmod(join(folder, 'id'), 0o600);
  await bundleAgent(join(folder, 'agent.mjs'));
  const unitFile = join(packageRoot(), 'postinstall/units/slipway-agent.service');
  const script = [
    'mkdir /usr/lib/slipway',
    `write ${join(folder, 'agent.mjs')} /usr/lib/slipway/agent.mjs`,
    `write ${unitFile} /etc/systemd/system/slipway-agent.service`,
    'symlink /etc/systemd/system/multi-user.target.wants/slipway-agent.service /etc/systemd/system/slipway-agent.service',
  ];
  await writeFile(join(folder, 'debugfs'), `${script.join('\n')}\n`);
  const { stderr } = await run('debugfs', ['-w', '-f', join(folder, 'debugfs'), join(folder, 'root.ext4')]);
  const problems = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('debugfs '));
  if (problems.length > 0) throw new Error(`debugfs: ${problems.join('; ')}`);
}

async function bundleAgent(outfile: string): Promise<void> {
  const require =
    "import { createRequire as __require } from 'node:module';\nconst require = __require(import.meta.url);";
  await build({
    absWorkingDir: packageRoot(),
    entryPoints: ['postinstall/agent.ts'],
    outfile,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    banner: { js: require },
    plugins: [withoutBootLoader, withPoints],
    logLevel: 'error',
  });
}

const packages = (): readonly string[] => {
  const { cluster, replication } = PLATFORMS.embedded.packages;
  return [...BASE_PACKAGES.split(' '), ...cluster, ...replication];
};

async function rootKey(): Promise<string> {
  const [release = ''] = await readdir(MODULES);
  const inputs = [packages(), release, process.version, FILES, MASKED, ROOT_MIB, makeRoot.toString()];
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 32);
}

async function makeRoot(folder: string): Promise<void> {
  const root = join(folder, 'root');
  const options = [
    ...['--variant=minbase', '--mode=root', `--include=${packages().join(',')}`],
    ...['--aptopt=APT::Install-Recommends "false"', '--dpkgopt=path-exclude=/usr/share/doc/*'],
    '--dpkgopt=path-exclude=/usr/share/man/*',
  ];
  await run('mmdebstrap', [...options, 'bookworm', root], { maxBuffer: 64 << 20 });
  const [release = ''] = await readdir(MODULES);
  await cp(join(MODULES, release), join(root, 'lib/modules', release), { recursive: true });
  await run('chroot', [root, 'depmod', release]);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'id')]);
  await run('ssh-keygen', ['-A', '-f', root]);
  await mkdir(join(root, 'root/.ssh'), { recursive: true, mode: 0o700 });
  await writeFile(join(root, 'root/.ssh/authorized_keys'), await readFile(join(folder, 'id.pub')), {
    mode: 0o600,
  });
  await cp(process.execPath, join(root, 'usr/bin/node'));
  for (const [path, { text, mode = 0o644 }] of Object.entries(FILES)) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
    await chmod(join(root, path), mode);
  }
  const systemctl = (...words: readonly string[]) => run('chroot', [root, 'systemctl', ...words]);
  await systemctl('enable', 'node-set-up', 'node-install', 'ssh');
  await systemctl('preset', 'corosync', 'pacemaker', 'drbd');
  await systemctl('mask', ...MASKED.split(' '));
  await writeFile(join(folder, 'root.ext4'), '');
  await truncate(join(folder, 'root.ext4'), ROOT_MIB << 20);
  await run('mke2fs', [
    '-q',
    '-t',
    'ext4',
    '-E',
    'lazy_itable_init=1',
    '-d',
    root,
    join(folder, 'root.ext4'),
  ]);
  await rm(root, { recursive: true });
}
