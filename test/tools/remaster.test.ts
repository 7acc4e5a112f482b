import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { vendorTask } from '../../src/commands/iso-vendor.ts';
import { type Command, type Exec, shellLine } from '../../src/engine/command.ts';
import { FailedError, MissingError } from '../../src/errors/exit.ts';
import { InputError } from '../../src/errors/problem.ts';
import { openCache } from '../../src/host/cache.ts';
import { createExec } from '../../src/host/exec.ts';
import { hashText } from '../../src/host/hash.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { openFatAt, readMedium, readMediumFile } from '../../src/media/image/medium.ts';
import { tableInForce } from '../../src/media/image/partitions.ts';
import { readFrom, withImage } from '../../src/media/image/source.ts';
import { readEntry, readTree } from '../../src/media/image/tree.ts';
import { findVolume, ISO_BLOCK, readVolume } from '../../src/media/image/volume.ts';
import { implantChecksum } from '../../src/media/implant-checksum.ts';
import type { FileRecord } from '../../src/media/manifest.ts';
import { inspectVendorMedium } from '../../src/media/vendor/medium.ts';
import { loadSpec } from '../../src/spec/load.ts';
import { remasterBase } from '../helpers/remastered.ts';
import { inTempDir, makeTempDir } from '../helpers/tmp.ts';
import {
  VENDOR_LAYOUTS,
  type VendorBaseOptions,
  type VendorLayout,
  vendorBase,
  vendorLabel,
} from '../helpers/vendor-bases.ts';

const exec = createExec();
const NODE_A = { default: 'node-a' };
const ANOTHER_THAN_DRAFTED = /another than was drafted/;

/** SHA-256 of every file of the tree and, with a colon between, of every file in EFI images. */
const filesOf = (iso: string): Promise<ReadonlyMap<string, string>> =>
  withImage(iso, async (image) => {
    const medium = await readMedium(image);
    const files = new Map<string, string>();
    for (const { path, kind } of medium.tree.entries.values()) {
      if (kind === 'file') files.set(path, hashText((await readMediumFile(medium, path)) ?? ''));
    }
    for (const [i, { offset }] of (await inspectVendorMedium(medium)).fatImages.entries()) {
      const fat = await openFatAt(image, offset);
      for (const { path } of (await fat?.files()) ?? [])
        files.set(`${i}:${path}`, hashText((await fat?.read(path)) ?? ''));
    }
    return files;
  });

const namesIn = async (dir: string): Promise<readonly string[]> => (await readdir(dir)).sort();
const OTHER_KICKSTARTS = ['node-a', 'node-b'].map((node) => ({ node, text: '# another\n' }));
const RESULTS = ['ha-pair.iso', 'ha-pair.manifest.json', 'ha-pair.sha256'];

describe("remastering a vendor's medium", function () {
  this.timeout(60_000);
  let shared: string;
  const bases = new Map<VendorLayout, string>();

  before(async () => {
    shared = makeTempDir('slipway-bases-');
    for (const layout of VENDOR_LAYOUTS) {
      await mkdir(join(shared, layout));
      bases.set(layout, await vendorBase(join(shared, layout), { layout }, exec));
    }
    // For the ordinary user.
    await chmod(shared, 0o755);
  });
  after(() => rm(shared, { recursive: true, force: true }));

  const baseOf = (layout: VendorLayout): string => bases.get(layout) ?? assert.fail();
  const ownBase = (dir: string, options: VendorBaseOptions): Promise<string> =>
    vendorBase(dir, options, exec);

  for (const layout of VENDOR_LAYOUTS) {
    it(`${layout}: every way to boot takes the planned node, and nothing else has changed`, () =>
      inTempDir(async (dir) => {
        const said: string[] = [];
        const say = (line: string): void => void said.push(line);
        const watched: Exec = (command, onLine) => {
          if (command.file === 'xorriso') say(shellLine(command));
          return exec(command, onLine);
        };
        const deps = { say, exec: watched };
        const { iso, sha256, report } = await remasterBase(dir, baseOf(layout), { media: NODE_A }, deps);
        assert.match(said.join(), /draft\.iso/);
        assert.doesNotMatch(said.join(), ANOTHER_THAN_DRAFTED);
        assert.equal(report?.verdict, 'ok');
        assert.ok((report?.paths.length ?? 0) > 0);
        for (const path of report?.paths ?? []) {
          if (layout !== 'el9-s390x') assert.match(path.defaultEntry ?? '', /Install node-a/, path.id);
          assert.match(path.kickstarts.join(' '), /\/slipway\/ks\/node-a\.ks/, path.id);
        }
        await exec({ file: 'checkisomd5', args: [iso], effect: 'read' });
        assert.deepEqual(await namesIn(join(dir, 'out')), RESULTS);
        assert.equal(hashText(await readFile(iso)), sha256);
        const { blocks } = await withImage(baseOf(layout), readVolume);
        const between = [64 * ISO_BLOCK, blocks * ISO_BLOCK] as const;
        const [theirs, ours] = [await readFile(baseOf(layout)), await readFile(iso)];
        assert.ok(
          theirs.subarray(...between).equals(ours.subarray(...between)),
          'the base lies where it lay',
        );
        const [before, now] = [await filesOf(baseOf(layout)), await filesOf(iso)];
        const changed = [...before].filter(([path, hash]) => now.get(path) !== hash).map(([path]) => path);
        const own = [...now.keys()]
          .filter((path) => !before.has(path))
          .map((path) => path.replace(/^\d+:/, ''));
        // Loaders that are told where they lie on the medium, beside what holds a menu.
        const EXPECTED =
          /(?:grub\.cfg|BOOT\.conf|isolinux\.cfg|\.prm|efiboot\.img|cdboot\.img|isolinux\.bin|eltorito\.img|boot\.cat(?:alog)?)$/;
        assert.deepEqual(
          changed.filter((path) => !EXPECTED.test(path)),
          [],
        );
        assert.deepEqual(
          own.filter((path) => !/^(?:slipway\/|boot\/disk\.bin$|EFI\/slipway-medium$)/.test(path)),
          [],
        );
      }));
  }

  it('lists in the manifest what it has put there', () =>
    inTempDir(async (dir) => {
      const result = await remasterBase(dir, baseOf('el9'));
      const manifest = JSON.parse(await readFile(result.manifest, 'utf8'));
      assert.deepEqual(manifest.iso, { file: 'ha-pair.iso', bytes: result.bytes, sha256: result.sha256 });
      assert.equal(manifest.base.family, 'AlmaLinux');
      const files = await filesOf(result.iso);
      assert.ok(manifest.files.length > 8);
      for (const { path, sha256 } of manifest.files) assert.equal(files.get(path), sha256, path);
      const { iso: _, contents, ...onTheMedium } = manifest;
      assert.deepEqual(
        new Map(contents.map(({ path, sha256 }: FileRecord) => [path, sha256])),
        new Map([...files].filter(([path]) => !/^\d+:/.test(path))),
      );
      const bytes = await withImage(result.iso, async (image) =>
        readMediumFile(await readMedium(image), 'slipway/manifest.json'),
      );
      assert.deepEqual(JSON.parse(Buffer.from(bytes ?? []).toString()), onTheMedium);
    }));

  for (const layout of ['el7', 'el9', 'el10', 'el9-aarch64'] as const) {
    it(`${layout}: gives the same bytes in another folder at another time`, () =>
      inTempDir(async (dir) => {
        const first = await remasterBase(join(dir, 'one'), baseOf(layout));
        await copyFile(baseOf(layout), join(dir, 'moved.iso'));
        const past = (1_100 - (Date.now() % 1_000)) % 1_100;
        await new Promise((resolve) => setTimeout(resolve, past));
        const second = await remasterBase(join(dir, 'two'), join(dir, 'moved.iso'));
        assert.equal(second.sha256, first.sha256);
      }));
  }

  it('implants what implantisomd5 implants', () =>
    inTempDir(async (dir) => {
      for (const layout of ['el7', 'el10'] as const) {
        const [theirs, ours] = [join(dir, 'theirs.iso'), join(dir, 'ours.iso')];
        const bytes = await readFile(baseOf(layout));
        // As xorriso leaves it.
        bytes.fill(' ', 16 * 2048 + 883, 16 * 2048 + 883 + 512);
        for (const iso of [theirs, ours]) await writeFile(iso, bytes);
        await exec({ file: 'implantisomd5', args: [theirs], effect: 'write' });
        await implantChecksum(ours);
        assert.equal(hashText(await readFile(ours)), hashText(await readFile(theirs)), layout);
      }
    }));

  for (const layout of ['el7', 'el9', 'el10', 'el9-s390x'] as const) {
    it(`${layout}: takes the checksum of the base's part once, and a right one each time`, () =>
      inTempDir(async (dir) => {
        // Of another size each time, as packages are after a change.
        for (const size of [10, 3_000, 9_000]) {
          const kickstarts = OTHER_KICKSTARTS.map((each) => ({ ...each, text: `${'#'.repeat(size)}\n` }));
          const { iso } = await remasterBase(dir, baseOf(layout), { kickstarts, media: NODE_A });
          await exec({ file: 'checkisomd5', args: [iso], effect: 'read' });
        }
        const kept = await namesIn(join(dir, 'cache', 'media-checksum'));
        assert.equal(kept.filter((name) => !name.endsWith('.lock')).length, 1);
      }));
  }

  it('takes the checksum anew on another base of the same size', () =>
    inTempDir(async (dir) => {
      await remasterBase(dir, baseOf('el9'));
      const other = join(dir, 'other.iso');
      const bytes = await readFile(baseOf('el9'));
      const at = bytes.indexOf('installer image');
      bytes[at + 5] = (bytes[at + 5] ?? 0) ^ 1;
      await writeFile(other, bytes);
      await exec({ file: 'implantisomd5', args: ['--force', other], effect: 'write' });
      const { iso } = await remasterBase(dir, other);
      await exec({ file: 'checkisomd5', args: [iso], effect: 'read' });
    }));

  it('keeps what was made from the same inputs, and only then', () =>
    inTempDir(async (dir) => {
      const first = await remasterBase(dir, baseOf('el9'));
      assert.equal((await remasterBase(dir, baseOf('el9'))).reused, true);
      const kickstarts = OTHER_KICKSTARTS;
      const other = await remasterBase(dir, baseOf('el9'), { kickstarts });
      assert.equal(other.reused, false);
      assert.notEqual(other.sha256, first.sha256);
    }));

  it('gives the medium another volume id, wherever the old one was named', () =>
    inTempDir(async (dir) => {
      const { iso, report } = await remasterBase(dir, baseOf('el7'), { volumeId: 'HA_PAIR', media: NODE_A });
      assert.equal(report?.volumeId, 'HA_PAIR');
      const { configs, fatImages } = await withImage(iso, async (image) =>
        inspectVendorMedium(await readMedium(image)),
      );
      const all = [...configs, ...fatImages.flatMap((image) => image.configs)];
      assert.ok(all.length > 3);
      for (const { path, text } of all) {
        assert.match(text, /LABEL=HA_PAIR/, path);
        assert.doesNotMatch(text, /LABEL=CentOS/, path);
      }
    }));

  it('takes a medium that it has remastered before, and leaves nothing of the first time in its menus', () =>
    inTempDir(async (dir) => {
      const first = await remasterBase(join(dir, 'one'), baseOf('el10'), { media: NODE_A });
      const second = await remasterBase(join(dir, 'two'), first.iso, { media: { default: 'node-b' } });
      assert.deepEqual(
        second.report?.paths.map(({ defaultEntry }) => /Install node-b/.test(defaultEntry ?? '')),
        second.report?.paths.map(() => true),
      );
    }));

  it('takes an isolinux menu of one bare entry, whose append line is empty', () =>
    inTempDir(async (dir) => {
      const menu = 'default linux\nlabel linux\n  kernel vmlinuz\n  initrd initrd.img\n  append\n';
      const base = await ownBase(dir, { layout: 'el8', files: { 'isolinux/isolinux.cfg': menu } });
      const audit = async (): Promise<void> => {};
      const { iso } = await remasterBase(join(dir, 'work'), base, { media: NODE_A }, { audit });
      const text = await withImage(iso, async (image) =>
        readMediumFile(await readMedium(image), 'isolinux/isolinux.cfg'),
      );
      assert.match(
        Buffer.from(text ?? []).toString(),
        /^default slipway-node-node-a\n(?:.*\n)*label slipway-node-node-a\n.*\n.*\n {2}kernel vmlinuz\n {2}initrd initrd\.img\n {2}append inst\.ks=/,
      );
    }));

  for (const layout of ['el10', 'fedora'] as const) {
    it(`${layout}: the first partition of a stick shows the new files, too`, () =>
      inTempDir(async (dir) => {
        const { iso } = await remasterBase(dir, baseOf(layout), { media: NODE_A });
        await withImage(iso, async (image) => {
          const { tree, partitions } = await readMedium(image);
          const start = tableInForce(partitions.gpt)?.partitions.find(({ number }) => number === 1)?.start;
          const read = readFrom(image.read, (start ?? assert.fail()) * 512);
          const volume = (await findVolume(read)) ?? assert.fail();
          const inside = await readTree(read, volume.root);
          assert.deepEqual([...inside.entries.keys()], [...tree.entries.keys()]);
          const kickstart = inside.entries.get('slipway/ks/node-a.ks') ?? assert.fail();
          assert.equal(Buffer.from(await readEntry(read, kickstart)).toString(), '# kickstart of node-a\n');
        });
      }));
  }

  it("brings the user's files", () =>
    inTempDir(async (dir) => {
      await mkdir(join(dir, 'site/deep'), { recursive: true });
      await writeFile(join(dir, 'site/deep/file'), 'mine\n');
      const files = [{ path: 'site', source: join(dir, 'site') }];
      const { iso } = await remasterBase(dir, baseOf('el9'), { files });
      assert.equal((await filesOf(iso)).get('site/deep/file'), hashText('mine\n'));
    }));

  it('works for an ordinary user, without root and without loop devices', async function () {
    if (process.geteuid?.() !== 0) this.skip(); // then every other test has shown it
    const dir = makeTempDir('slipway-nobody-');
    try {
      await chmod(dir, 0o777);
      const script = join(packageRoot(), 'test/helpers/remaster-as.ts');
      const { stdout } = await exec({
        file: 'setpriv',
        args: [
          ...['--reuid', '65534', '--regid', '65534', '--clear-groups', '--bounding-set', '-all'],
          ...[process.execPath, '--import', 'tsx', script, baseOf('el10'), join(dir, 'work')],
        ],
        cwd: packageRoot(),
        env: { HOME: dir, TSX_DISABLE_CACHE: '1' },
        effect: 'write',
      });
      const asRoot = await inTempDir((other) => remasterBase(other, baseOf('el10')));
      assert.equal(stdout.trim(), `65534 ${asRoot.sha256}`);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  describe('when something is wrong', () => {
    const rejects = async (base: string, rule: string, wishes = {}): Promise<void> =>
      inTempDir(async (dir) => {
        await assert.rejects(
          remasterBase(dir, base, wishes),
          (error) => error instanceof InputError && error.problems[0]?.rule === rule,
        );
        assert.deepEqual(await namesIn(join(dir, 'out')).catch(() => []), []);
      });

    it('refuses a base that was cut off, with its partition table or without', () =>
      inTempDir(async (dir) => {
        for (const layout of ['el9', 'el10', 'el9-aarch64'] as const) {
          const cut = join(dir, `${layout}.iso`);
          await copyFile(baseOf(layout), cut);
          await truncate(cut, 9_000_000);
          await rejects(cut, 'truncated-medium');
        }
      }));

    it('refuses a base whose content is not what its checksum was taken of', () =>
      inTempDir(async (dir) => {
        const base = await ownBase(dir, { layout: 'el9' });
        const bytes = await readFile(base);
        const at = bytes.indexOf('installer image');
        bytes[at + 5] = (bytes[at + 5] ?? 0) ^ 1;
        await writeFile(base, bytes);
        await rejects(base, 'damaged-medium');
      }));

    it('refuses a live medium, and says why', () =>
      inTempDir(async (dir) => {
        const menu = (kernel: string): string =>
          `menuentry 'Start Fedora' { linux ${kernel} root=live:CDLABEL=Fedora-WS-Live-44 rd.live.image quiet\ninitrd /i }\n`;
        const files = { 'EFI/BOOT/grub.cfg': menu('/k'), 'boot/grub2/grub.cfg': menu('/k') };
        await rejects(await ownBase(dir, { layout: 'fedora', files }), 'live-medium');
      }));

    it('refuses what is no medium of a known family', () =>
      inTempDir(async (dir) => {
        const files = { '.treeinfo': undefined, '.discinfo': undefined, 'media.repo': undefined };
        const menu = 'menuentry other { linux /k\ninitrd /i }\n';
        const other = { ...files, 'EFI/BOOT/grub.cfg': menu, 'boot/grub2/grub.cfg': menu };
        await rejects(await ownBase(dir, { layout: 'el10', label: 'OTHER', files: other }), 'unknown-medium');
        const text = join(dir, 'text.iso');
        await writeFile(text, 'no ISO\n'.repeat(10_000));
        await rejects(text, 'not-an-iso');
        await rejects(join(dir, 'missing.iso'), 'no-such-file');
      }));

    it('says of a medium of EL 7 why it is of no use, at the place in the spec', () =>
      inTempDir(async (dir) => {
        const loaded = await loadSpec(join(packageRoot(), 'examples', 'one-disk.yaml'));
        const context = { exec, cache: openCache(dir), signal: new AbortController().signal };
        const base = { kind: 'file', path: baseOf('el7') } as const;
        await assert.rejects(
          vendorTask.run({ base, loaded }, context, () => undefined),
          (error) =>
            error instanceof InputError &&
            /^the medium is CentOS 7, whose glibc 2\.17 cannot run the agent/.test(
              error.problems[0]?.message ?? '',
            ),
        );
      }));

    it('names file, line and column of a menu it cannot read', () =>
      inTempDir(async (dir) => {
        const base = await ownBase(dir, {
          layout: 'el9',
          files: { 'EFI/BOOT/grub.cfg': 'set a=1\nmenuentry "x {\n' },
        });
        await assert.rejects(
          remasterBase(dir, base),
          /EFI\/BOOT\/grub\.cfg:2:11: a quote without its partner/,
        );
      }));

    /** Lends a folder on a small file system of its own; answers false where none can be mounted. */
    const onSmallDisk = async (size: string, use: (folder: string, dir: string) => Promise<void>) => {
      const dir = makeTempDir('slipway-full-');
      const small = join(dir, 'small');
      await mkdir(small);
      const args = ['-t', 'tmpfs', '-o', `size=${size}`, 'none', small];
      const { exitCode } = await exec({ file: 'mount', args, effect: 'write', accept: [0, 1, 32] });
      try {
        if (exitCode === 0) await use(small, dir);
        return exitCode === 0;
      } finally {
        if (exitCode === 0) await exec({ file: 'umount', args: [small], effect: 'write' });
        await rm(dir, { recursive: true, force: true });
      }
    };
    const saying = (message: RegExp) => (error: unknown) =>
      error instanceof MissingError && message.test(error.message);

    it('says before it starts that a disk has no room, of the results or of the work folder', async function () {
      const mounted = await onSmallDisk('10m', async (small, dir) => {
        for (const places of [{ out: join(small, 'a.iso') }, { work: small }]) {
          await assert.rejects(
            remasterBase(dir, baseOf('el9'), places),
            saying(/small has \d+ MB left, and the ISO needs \d+ MB$/),
          );
          assert.deepEqual(await namesIn(small), []);
        }
      });
      if (!mounted) this.skip();
    });

    it('names the folder whose disk became full while it was written', async function () {
      const mounted = await onSmallDisk('60m', async (small, dir) => {
        // Somebody else writes, too.
        const filling: Exec = async (command, onLine) => {
          if (command.file === 'cp') await writeFile(join(small, 'other'), Buffer.alloc(45_000_000));
          return exec(command, onLine);
        };
        await assert.rejects(
          remasterBase(dir, baseOf('el9'), { work: small }, { exec: filling }),
          saying(/^there is no room left in .*small$/),
        );
        assert.deepEqual(await namesIn(small), ['other']);
      });
      if (!mounted) this.skip();
    });

    it('works in another folder, also on another file system, and leaves nothing there', async function () {
      const mounted = await onSmallDisk('200m', async (small, dir) => {
        const { iso, sha256 } = await remasterBase(dir, baseOf('el9'), { work: small });
        assert.equal(hashText(await readFile(iso)), sha256);
        assert.deepEqual([await namesIn(small), await namesIn(join(dir, 'out'))], [[], RESULTS]);
      });
      if (!mounted) this.skip();
    });

    /** Runs xorriso by a shell that lets something happen to it. */
    const through =
      (script: string): Exec =>
      (command, onLine) =>
        command.file === 'xorriso'
          ? exec({ ...command, file: 'sh', args: ['-c', filled(script, command)] }, onLine)
          : exec(command, onLine);
    const filled = (script: string, command: Command): string => {
      const out = command.args[command.args.indexOf('-dev') + 1] ?? '';
      return script
        .replace('XORRISO', () => shellLine(command))
        .replaceAll('OUT', () => out.replace('stdio:', ''));
    };

    const failsAfter = (script: string, message: RegExp): Promise<void> =>
      inTempDir(async (dir) => {
        const good = await remasterBase(dir, baseOf('el9'));
        const broken = { exec: through(script) };
        const kickstarts = OTHER_KICKSTARTS;
        await assert.rejects(remasterBase(dir, baseOf('el9'), { kickstarts }, broken), message);
        assert.deepEqual(await namesIn(join(dir, 'out')), RESULTS);
        assert.equal(hashText(await readFile(good.iso)), good.sha256, 'the last good one is still there');
      });

    it('tells of a disk that fills up while it writes, and leaves no half ISO', () =>
      failsAfter(
        'ulimit -f 8000; trap "" XFSZ; XORRISO',
        /xorriso could not write the ISO|xorriso ended|sh ended/,
      ));

    it('tells of a killed xorriso, and leaves no half ISO', () =>
      failsAfter('XORRISO; kill -9 $$', /ended with exit code 137/));

    it('takes no ISO for whole that xorriso left half written without a word', () =>
      failsAfter('XORRISO; truncate -s 9M OUT', /xorriso has not written all of the ISO/));

    for (const [what, script, isTold] of [
      [
        'comes out otherwise',
        'XORRISO && case OUT in *draft*) printf x | dd of=OUT bs=1 seek=HEAD conv=notrunc;; esac',
        true,
      ],
      ['cannot be written', 'case OUT in *draft*) exit 5;; *) XORRISO;; esac', false],
    ] as const) {
      it(`makes the same ISO when the draft of it ${what}`, () =>
        inTempDir(async (dir) => {
          const drafted = await remasterBase(join(dir, 'drafted'), baseOf('el9'));
          // In the name of the preparer, which nothing depends on; near the end, which holds the new files.
          for (const place of isTold ? [16 * ISO_BLOCK + 500, drafted.bytes - 400_000] : [0]) {
            const said: string[] = [];
            const deps = {
              exec: through(script.replace('HEAD', String(place))),
              say: (line: string): void => void said.push(line),
            };
            const made = await remasterBase(join(dir, String(place)), baseOf('el9'), {}, deps);
            assert.equal(made.sha256, drafted.sha256);
            assert.equal(hashText(await readFile(made.iso)), drafted.sha256);
            assert.equal(ANOTHER_THAN_DRAFTED.test(said.join()), isTold);
            await exec({ file: 'checkisomd5', args: [made.iso], effect: 'read' });
          }
        }));
    }

    it('takes true digests when xorriso wrote where only the base lies', () =>
      inTempDir(async (dir) => {
        const { blocks } = await withImage(baseOf('el9'), readVolume);
        const place = blocks * ISO_BLOCK - 1_000;
        const poke = through(`XORRISO && printf x | dd of=OUT bs=1 seek=${place} conv=notrunc`);
        const { iso, sha256 } = await remasterBase(dir, baseOf('el9'), {}, { exec: poke });
        assert.equal((await readFile(iso))[place], 'x'.charCodeAt(0));
        assert.equal(hashText(await readFile(iso)), sha256);
        await exec({ file: 'checkisomd5', args: [iso], effect: 'read' });
      }));

    it('publishes nothing that was made from a base that somebody wrote to, or took away, meanwhile', () =>
      inTempDir(async (dir) => {
        for (const script of [
          'touch BASE',
          'printf x >> BASE',
          'rm BASE',
          'cp BASE BASE.new; mv BASE.new BASE',
        ]) {
          const base = join(dir, 'base.iso');
          await copyFile(baseOf('el9'), base);
          const writing = { exec: through(`XORRISO && { ${script.replaceAll('BASE', base)}; }`) };
          await assert.rejects(
            remasterBase(dir, base, {}, writing),
            (error) => error instanceof InputError && error.problems[0]?.rule === 'changed-medium',
            script,
          );
          assert.deepEqual(await namesIn(join(dir, 'out')), []);
        }
      }));

    it('publishes nothing that the audit fails', () =>
      inTempDir(async (dir) => {
        const audit = async (): Promise<void> => {
          throw new FailedError('not sound');
        };
        await assert.rejects(remasterBase(dir, baseOf('el9'), {}, { audit }), /not sound/);
        assert.deepEqual(await namesIn(join(dir, 'out')), []);
      }));

    it('says that a vendor’s installer knows no MAC addresses', () =>
      inTempDir((dir) =>
        assert.rejects(
          remasterBase(dir, baseOf('el9'), { media: { default: 'by-mac' } }),
          /cannot choose a node by its MAC address/,
        ),
      ));

    it('asks for a node where the medium has no menu', () =>
      inTempDir((dir) => assert.rejects(remasterBase(dir, baseOf('el9-s390x')), /installs one node/)));
  });

  it('keeps the label it has, escaped where it has spaces', () =>
    inTempDir(async (dir) => {
      const { report } = await remasterBase(dir, baseOf('el7'), { media: NODE_A });
      assert.equal(report?.volumeId, vendorLabel('el7'));
      assert.match(report?.paths[0]?.kickstarts[0] ?? '', /LABEL=CentOS\\x207\\x20x86_64:/);
    }));
});
