/**
 * Two nodes under User-Mode Linux that have everything a cluster takes and the real agent, in a network namespace of
 * their own. Takes root, and Debian's user-mode-linux, mmdebstrap, e2fsprogs, fdisk, iproute2, xorriso and openssh-client.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, cp, mkdir, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { PLATFORMS, presetOf } from '../../postinstall/platforms/platforms.ts';
import { createExec } from '../../src/host/exec.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import type { HaPlan } from '../../src/plan/types.ts';
import { writeKeyMedium } from '../../src/secrets/key-medium.ts';
import { HA, joinSecret, memberPlan } from './cluster-plan.ts';

const run = promisify(execFile);
const MODULES = '/usr/lib/uml/modules';
const NAMESPACE = 'slipway-pair';
const BASE_PACKAGES =
  'systemd systemd-sysv udev dbus kmod iproute2 procps openssh-server openssh-client e2fsprogs libpam-systemd passwd login util-linux libstdc++6 libatomic1';

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

export interface UmlPair {
  /** Boots a node and resolves when it can be reached. */
  up(node: 1 | 2): Promise<void>;
  /** Takes a node's power away, at once. */
  cut(node: 1 | 2): Promise<void>;
  /** Standard output of a shell line on a node; rejects when it fails or takes longer than `limitMs`. */
  ssh(node: 1 | 2, line: string, limitMs?: number): Promise<string>;
  down(): Promise<void>;
}

/** Builds root and disks below `folder`. The nodes are the members of `ha`. */
export async function makeUmlPair(folder: string, ha: HaPlan = HA): Promise<UmlPair> {
  await makeRoot(folder, ha);
  await writeKeyMedium(createExec(), join(folder, 'key.iso'), joinSecret());
  const running = new Map<number, ChildProcess>();
  await makeNetwork();

  const ssh = async (node: 1 | 2, line: string, limitMs = 60_000): Promise<string> => {
    const args = [
      'netns',
      'exec',
      NAMESPACE,
      'ssh',
      '-q',
      '-i',
      join(folder, 'id'),
      '-o',
      'StrictHostKeyChecking=no',
    ];
    const more = [
      '-o',
      'UserKnownHostsFile=/dev/null',
      '-o',
      'ConnectTimeout=5',
      `root@10.77.0.1${node}`,
      line,
    ];
    return (await run('ip', [...args, ...more], { timeout: limitMs, maxBuffer: 16 << 20 })).stdout;
  };
  const cut = async (node: 1 | 2): Promise<void> => {
    const child = running.get(node);
    running.delete(node);
    if (child?.pid === undefined) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    // The whole group: traced children of a dead kernel go on holding its disks.
    process.kill(-child.pid, 'SIGKILL');
    await ended;
  };
  return {
    ssh,
    cut,
    async up(node) {
      running.set(node, await boot(folder, node));
      for (let left = 240; ; left -= 1) {
        try {
          return void (await ssh(node, 'true', 10_000));
        } catch (error) {
          if (left === 0) throw new Error(`node ${node} cannot be reached`, { cause: error });
          await delay(500);
        }
      }
    },
    async down() {
      await cut(1);
      await cut(2);
      await run('ip', ['netns', 'delete', NAMESPACE]);
    },
  };
}

async function makeNetwork(): Promise<void> {
  const inside = (...words: string[]) => run('ip', ['-n', NAMESPACE, ...words]);
  await run('ip', ['netns', 'add', NAMESPACE]);
  await inside('link', 'add', 'br0', 'type', 'bridge');
  await inside('link', 'set', 'br0', 'up');
  await inside('addr', 'add', '10.77.0.1/24', 'dev', 'br0');
  for (const tap of ['tap1', 'tap2']) {
    await inside('tuntap', 'add', tap, 'mode', 'tap');
    await inside('link', 'set', tap, 'master', 'br0');
    await inside('link', 'set', tap, 'up');
  }
}

async function boot(folder: string, node: 1 | 2): Promise<ChildProcess> {
  const disk = join(folder, `disk${node}`);
  if (!(await exists(disk))) {
    await truncate(await created(disk), 96 << 20);
    await createExec()({
      file: 'sfdisk',
      args: ['--quiet', disk],
      stdin: 'label: gpt\nstart=2048, name=slipway-clustered\n',
      effect: 'write',
    });
  }
  const words = [
    ...[
      `umid=slipway-pair-${node}`,
      'mem=640M',
      'root=/dev/ubda',
      'rw',
      'quiet',
      'systemd.log_level=warning',
    ],
    ...[`ubd0=${folder}/cow${node},${folder}/root.ext4`, `ubd1=${disk}`, `ubd2r=${folder}/key.iso`],
    // Without gro=1 TCP crawls at 0.3 MB/s.
    `vec0:transport=tap,ifname=tap${node},depth=64,gro=1,mac=02:77:00:00:00:1${node}`,
    ...[`slipway.node=n${node}`, `systemd.machine_id=${node.toString().padStart(32, '7')}`],
    ...['con=null', 'con0=null,fd:1', 'ssl=null'],
  ];
  return spawn('ip', ['netns', 'exec', NAMESPACE, 'linux.uml', ...words], {
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, TMPDIR: '/dev/shm' },
  });
}

/** A root file system of Debian with the packages of the platform table, and this checkout's agent. */
async function makeRoot(folder: string, ha: HaPlan): Promise<void> {
  const root = join(folder, 'root');
  const { cluster, replication } = PLATFORMS.embedded.packages;
  const packages = [...BASE_PACKAGES.split(' '), ...cluster, ...replication, 'curl'];
  await run(
    'mmdebstrap',
    [
      ...['--variant=minbase', '--mode=root', `--include=${packages.join(',')}`],
      ...[
        '--aptopt=APT::Install-Recommends "false"',
        '--dpkgopt=path-exclude=/usr/share/doc/*',
        'bookworm',
        root,
      ],
    ],
    { maxBuffer: 64 << 20 },
  );
  const [release = ''] = await readdir(MODULES);
  await cp(join(MODULES, release), join(root, 'lib/modules', release), { recursive: true });
  await run('chroot', [root, 'depmod', release]);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'id')]);
  await run('ssh-keygen', ['-A', '-f', root]);
  await mkdir(join(root, 'root/.ssh'), { recursive: true, mode: 0o700 });
  await cp(join(folder, 'id.pub'), join(root, 'root/.ssh/authorized_keys'));
  await installAgent(root);
  for (const { name } of ha.members) await writeFacts(join(root, 'usr/share/slipway-test', name), name, ha);
  await writeFile(
    join(root, 'etc/systemd/system-preset/00-slipway.preset'),
    presetOf(PLATFORMS.embedded),
  ).catch(async () => {
    await mkdir(join(root, 'etc/systemd/system-preset'), { recursive: true });
    await writeFile(join(root, 'etc/systemd/system-preset/00-slipway.preset'), presetOf(PLATFORMS.embedded));
  });
  await writeFile(join(root, 'usr/local/sbin/node-set-up'), NODE_SET_UP);
  await chmod(join(root, 'usr/local/sbin/node-set-up'), 0o755);
  await writeFile(join(root, 'etc/systemd/system/node-set-up.service'), NODE_SET_UP_UNIT);
  await writeFile(join(root, 'etc/hosts'), '127.0.0.1 localhost\n');
  // Empty, and not "uninitialized": that would make systemd apply presets at the first boot.
  await writeFile(join(root, 'etc/machine-id'), '');
  await writeFile(join(root, 'etc/ssh/sshd_config.d/test.conf'), 'PasswordAuthentication no\nUseDNS no\n');
  await run('chroot', [root, 'systemctl', 'enable', 'node-set-up', 'ssh']);
  await run('chroot', [root, 'systemctl', 'preset', ...PLATFORMS.embedded.disabledServices.slice(0, 3)]);
  await truncate(await created(join(folder, 'root.ext4')), 1600 << 20);
  await run('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-d', root, join(folder, 'root.ext4')]);
  await rm(root, { recursive: true });
}

async function installAgent(root: string): Promise<void> {
  const require =
    "import { createRequire as __require } from 'node:module';\nconst require = __require(import.meta.url);";
  await build({
    absWorkingDir: packageRoot(),
    entryPoints: ['postinstall/agent.ts'],
    outfile: join(root, 'usr/lib/slipway/agent.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    banner: { js: require },
    plugins: [withoutBootLoader],
    logLevel: 'error',
  });
  await cp(process.execPath, join(root, 'usr/bin/node'));
  await writeFile(
    join(root, 'usr/bin/slipway-agent'),
    '#!/bin/sh\nexec /usr/bin/node /usr/lib/slipway/agent.mjs "$@"\n',
  );
  await chmod(join(root, 'usr/bin/slipway-agent'), 0o755);
  await cp(
    join(packageRoot(), 'postinstall/units/slipway-agent.service'),
    join(root, 'etc/systemd/system/slipway-agent.service'),
  );
}

async function writeFacts(folder: string, name: string, ha: HaPlan): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'node.json'), JSON.stringify(memberPlan(name, ha)));
  const record = {
    version: 1,
    node: name,
    kind: 'single',
    firmware: 'bios',
    disks: [],
    arrays: [],
    fileSystems: [],
  };
  await writeFile(join(folder, 'layout.json'), JSON.stringify(record));
}

const NODE_SET_UP = `#!/bin/sh
for word in $(cat /proc/cmdline); do case $word in slipway.node=*) name=\${word#slipway.node=} ;; esac; done
echo "$name" > /etc/hostname; hostname "$name"
[ -f /etc/slipway/node.json ] || { mkdir -p /etc/slipway; cp /usr/share/slipway-test/$name/* /etc/slipway/; }
ip link set lo up; ip link set vec0 up; ip addr replace 10.77.0.1\${name#n}/24 dev vec0
`;

const NODE_SET_UP_UNIT = `[Unit]
DefaultDependencies=no
After=systemd-remount-fs.service
Before=network-pre.target network.target sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/node-set-up
[Install]
WantedBy=sysinit.target
`;

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** The path of a file that is there now. */
async function created(path: string): Promise<string> {
  await writeFile(path, '');
  return path;
}
