import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mmdebstrapCommand, squashfsCommand } from '../../src/media/base/commands.ts';
import { type BaseRecipe, buildFiles, readRecipe } from '../../src/media/base/recipe.ts';
import { inTempDir } from '../helpers/tmp.ts';

const FOLDER = join(import.meta.dirname, '..', '..', 'iso', 'base');

const RECIPE: BaseRecipe = {
  suite: 'bookworm',
  components: 'main',
  packages: { disks: ['mdadm', 'lvm2'], time: ['tzdata', 'mdadm'] },
  pathExclude: ['/usr/share/doc/*', '/usr/share/man/*'],
  pathInclude: ['/usr/share/doc/*/copyright'],
  initramfs: {
    binaries: ['/bin/busybox'],
    nodeBinaries: ['/sbin/lvm'],
    modules: ['ahci'],
    installerModules: ['loop'],
    nodeModules: ['raid1'],
  },
};

describe('the call of mmdebstrap', () => {
  const paths = {
    buildFolder: '/tmp/x/slipway-build',
    results: '/tmp/x/results.tar',
    tree: '/tmp/x/tree.tar',
  };

  it('is made of the recipe: every package once, in order', () => {
    assert.deepEqual(mmdebstrapCommand(RECIPE, paths, { root: true, sourceDateEpoch: 1700000000 }), {
      file: 'mmdebstrap',
      effect: 'write',
      timeoutMs: 1_200_000,
      env: { SOURCE_DATE_EPOCH: '1700000000', INITRD: 'No' },
      args: [
        '--mode=root',
        '--variant=minbase',
        '--format=tar',
        '--components=main',
        '--include=lvm2,mdadm,tzdata',
        '--aptopt=APT::Install-Recommends "false"',
        '--dpkgopt=path-exclude=/usr/share/doc/*',
        '--dpkgopt=path-exclude=/usr/share/man/*',
        '--dpkgopt=path-include=/usr/share/doc/*/copyright',
        '--customize-hook=copy-in /tmp/x/slipway-build /',
        '--customize-hook=SOURCE_DATE_EPOCH=1700000000 chroot "$1" bash /slipway-build/customize.sh',
        '--customize-hook=download /slipway-build/out.tar /tmp/x/results.tar',
        '--customize-hook=rm -rf "$1/slipway-build"',
        '--customize-hook=rm -f "$1"/root/.rpmdb/rpmdb.sqlite-shm',
        'bookworm',
        '/tmp/x/tree.tar',
      ],
    });
  });

  it('runs the script of the cluster before the others, where there is one', () => {
    const options = { root: true, sourceDateEpoch: 1 };
    const alone = mmdebstrapCommand(RECIPE, paths, options).args;
    const clustered = mmdebstrapCommand(RECIPE, paths, { ...options, cluster: true }).args;
    const hook = '--customize-hook=chroot "$1" bash /slipway-build/cluster.sh';
    assert.equal(clustered.indexOf(hook), clustered.findIndex((word) => word.endsWith('customize.sh')) - 1);
    assert.deepEqual(
      clustered.filter((word) => word !== hook),
      alone,
    );
  });

  it('differs without root in nothing but the mode', () => {
    const asRoot = mmdebstrapCommand(RECIPE, paths, { root: true, sourceDateEpoch: 1 });
    const asUser = mmdebstrapCommand(RECIPE, paths, { root: false, sourceDateEpoch: 1 });
    assert.equal(asUser.args[0], '--mode=unshare');
    assert.deepEqual({ ...asUser, args: asUser.args.slice(1) }, { ...asRoot, args: asRoot.args.slice(1) });
  });
});

describe('the call of sqfstar', () => {
  it('packs the tree it reads from standard input', () => {
    assert.deepEqual(squashfsCommand('/tmp/tree.tar', '/tmp/base.squashfs', 1700000000), {
      file: 'sqfstar',
      effect: 'write',
      timeoutMs: 600_000,
      stdinFile: '/tmp/tree.tar',
      env: { SOURCE_DATE_EPOCH: '1700000000' },
      args: [...['-comp', 'zstd', '-root-mode', '0755'], ...['-quiet', '-no-progress', '/tmp/base.squashfs']],
    });
  });
});

describe('the recipe of the base', () => {
  it('is readable, and has what installer and node cannot do without', async () => {
    const { packages, initramfs } = await readRecipe(FOLDER);
    const all = Object.values(packages).flat();
    for (const name of ['linux-image-amd64', 'mdadm', 'fdisk', 'squashfs-tools', 'rpm', 'efibootmgr']) {
      assert.ok(all.includes(name), name);
    }
    for (const name of ['ahci', 'nvme', 'virtio_blk', 'mptspi'])
      assert.ok(initramfs.modules.includes(name), name);
    for (const name of ['raid1', 'dm_mod', 'ext4', 'xfs'])
      assert.ok(initramfs.nodeModules.includes(name), name);
  });

  for (const [title, change] of [
    ['an unknown key', { more: 1 }],
    ['a missing suite', { suite: undefined }],
    ['a package name with a comma', { packages: { disks: ['mdadm,lvm2'] } }],
    ['a package name with a blank', { packages: { disks: ['mdadm --purge'] } }],
  ] as const) {
    it(`is refused with ${title}`, () =>
      inTempDir(async (dir) => {
        await writeFile(join(dir, 'recipe.json'), JSON.stringify({ ...RECIPE, ...change }));
        await assert.rejects(readRecipe(dir));
      }));
  }

  it('gives the build its lists, scripts and the boot loader’s command', () =>
    inTempDir(async (dir) => {
      const scripts = ['customize.sh', 'initramfs-lib.sh', 'init.installer', 'init.node', 'live-init'];
      for (const name of scripts) await writeFile(join(dir, name), `# ${name}\n`);
      const files = await buildFiles(dir, RECIPE);
      for (const name of scripts) assert.equal(files.get(name), `# ${name}\n`);
      assert.deepEqual(
        ['binaries.installer', 'binaries.node', 'modules.installer', 'modules.node'].map((name) =>
          files.get(name),
        ),
        ['/bin/busybox\n', '/bin/busybox\n/sbin/lvm\n', 'ahci\nloop\n', 'ahci\nraid1\n'],
      );
      assert.deepEqual([...files.keys()].filter((name) => !scripts.includes(name)).sort(), [
        'binaries.installer',
        'binaries.node',
        'eltorito.sh',
        'grub-early.cfg',
        'modules.installer',
        'modules.node',
      ]);
      assert.match(
        files.get('eltorito.sh') ?? '',
        /^grub-mkimage .*\/slipway-build\/out\/eltorito\.img.*\n$/,
      );
    }));

  it('gives a base for clusters one script and a preset more, and any other what it always had', async () => {
    const recipe = await readRecipe(FOLDER);
    const alone = await buildFiles(FOLDER, recipe);
    const clustered = await buildFiles(FOLDER, recipe, { packages: [], preset: 'disable x.service\n' });
    assert.equal(clustered.get('00-slipway.preset'), 'disable x.service\n');
    assert.match(clustered.get('cluster.sh') ?? '', /usage-count no;/);
    const more = ['cluster.sh', '00-slipway.preset'];
    assert.deepEqual(
      [...clustered].filter(([name]) => !more.includes(name)),
      [...alone],
    );
  });

  it('needs every script', () =>
    inTempDir(async (dir) => {
      await assert.rejects(buildFiles(dir, RECIPE), /ENOENT/);
    }));
});
