import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { makeTempDir } from '../helpers/tmp.ts';
import { runUml } from '../helpers/uml.ts';

const MIB = 1 << 20;
const ARRAYS = ['md127 esp 1.0 2', 'md126 boot 1.0 3', 'md125 root 1.2 4'];
const WHOLE = [
  'step replace-disk changed',
  'step match-layout already-done',
  'step pass-md-gate changed',
] as const;

describe('a disk that is replaced, on real arrays', function () {
  this.timeout(300_000);
  let dir: string;
  const file = (name: string): string => join(dir, name);
  const boot = (script: string, disks: readonly string[], plug?: RegExp): Promise<string> =>
    runUml({ script, disks: disks.map(file), folder: dir, ...(plug === undefined ? {} : { plug }) });
  const steps = (console: string): readonly string[] =>
    console.split(/\r?\n/).filter((line) => line.startsWith('step '));
  const guest = (verb: string): string =>
    `${process.execPath} --no-warnings /run/share/guest.mjs ${verb} 2>&1`;
  const assemble = 'mdadm --assemble --scan --run --config=none 2>&1';
  const replace = `${assemble}; ${guest('run')}; cat /proc/mdstat`;

  const empty = (name: string, bytes: number): void => {
    writeFileSync(file(name), '');
    truncateSync(file(name), bytes);
  };
  /** The first disk and the record as they were when the second one died, and an empty one. */
  const begin = (): void => {
    copyFileSync(file('first'), file('survivor'));
    copyFileSync(file('record'), file('layout.json'));
    writeFileSync(file('compare-due'), '');
    empty('fresh', 72 * MIB);
  };

  before('installs two disks', async () => {
    dir = makeTempDir('slipway-uml-');
    await build({
      entryPoints: [join(import.meta.dirname, '../helpers/uml-guest.ts')],
      outfile: file('guest.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
    });
    empty('first', 64 * MIB);
    empty('second', 64 * MIB);
    const table = [
      'label: gpt',
      'start=2048,size=2048,type=21686148-6449-6E6F-744E-656564454649,name=slipway-biosboot',
      'size=8192,type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B,name=slipway-esp',
      'size=16384,type=A19D880F-05FC-4D3B-A006-743F0F84911E,name=slipway-boot',
      'size=65536,type=A19D880F-05FC-4D3B-A006-743F0F84911E,name=slipway-root',
    ].join('\\n');
    const create = ARRAYS.map((line) => {
      const [device, name, metadata, n] = line.split(' ');
      return `mdadm --create /dev/${device} --run --quiet --level=1 --raid-devices=2 --homehost=any --name=${name} --metadata=${metadata} /dev/ubda${n} /dev/ubdb${n}`;
    });
    const console = await boot(
      [
        `for d in a b; do printf '${table}\\n' | sfdisk -q /dev/ubd$d; done`,
        ...create,
        'mkfs.vfat /dev/md127; mkfs.ext4 -q /dev/md126; mkfs.ext4 -q /dev/md125',
        'until [ "$(cat /sys/block/md12*/md/sync_action | sort -u)" = idle ]; do sleep 0.2; done',
        guest('record'),
        'for d in 125 126 127; do mdadm --stop /dev/md$d; done',
      ].join('\n'),
      ['first', 'second'],
    );
    assert.match(readFileSync(file('layout.json'), 'utf8'), /"name":"root"/, console);
    copyFileSync(file('layout.json'), file('record'));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it('is taken in: table, arrays, comparison; and the second time there is nothing to do', async () => {
    begin();
    const console = await boot(`${replace}; ${guest('run')}`, ['survivor', 'fresh']);
    assert.deepEqual(steps(console).slice(0, 3), WHOLE, console);
    assert.deepEqual(
      steps(console)
        .slice(3)
        .map((line) => line.split(' ')[2]),
      ['already-done', 'already-done', 'already-done'],
    );
    assert.equal(console.match(/\[UU\]/g)?.length, 3, console);
  });

  for (const [when, plug] of [
    ['while its table is written', /\$ sfdisk/],
    ['after its table was written', /\$ udevadm/],
    ['when it is in no array yet', /--add \S+2$/m],
    ['when it is in one of three arrays', /--add \S+3$/m],
    ['when it is in all arrays', /--add \S+4$/m],
  ] as const) {
    it(`is taken in although the power went off ${when}`, async () => {
      begin();
      const cut = await boot(replace, ['survivor', 'fresh'], plug);
      assert.doesNotMatch(cut, /step pass-md-gate/, 'the power went off before the end');
      const console = await boot(replace, ['survivor', 'fresh']);
      assert.match(
        steps(console).join('\n'),
        /^step replace-disk \S+\nstep match-layout already-done\nstep pass-md-gate (changed|already-done)$/,
        console,
      );
      assert.equal(console.match(/\[UU\]/g)?.length, 3, console);
    });
  }

  it('is refused, and stays as it is, when there is something on it', async () => {
    begin();
    const content = Buffer.alloc(MIB, 'somebody else’s');
    writeFileSync(file('fresh'), content, { flag: 'r+' });
    const before = readFileSync(file('fresh'));
    const console = await boot(replace, ['survivor', 'fresh']);
    assert.match(
      steps(console).join(),
      /^step replace-disk failed refused-foreign-data: .* is not empty: data at byte 0$/,
      console,
    );
    assert.equal(readFileSync(file('fresh')).equals(before), true);
  });

  it('does not pass for a mirror when its content is another', async () => {
    begin();
    await boot(replace, ['survivor', 'fresh']);
    const disk = readFileSync(file('fresh'));
    disk.fill(0x5a, (12_288 + 8192) * 512, (12_288 + 8200) * 512);
    writeFileSync(file('fresh'), disk);
    writeFileSync(file('compare-due'), 'boot\n');
    const console = await boot(replace, ['survivor', 'fresh']);
    assert.match(
      steps(console).at(-1) ?? '',
      /^step pass-md-gate failed verify-failed: the members of array boot differ in \d+ sectors$/,
      console,
    );
  });
});
