import assert from 'node:assert/strict';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MissingError } from '../../src/errors/exit.ts';
import { createExec } from '../../src/host/exec.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';
import { PLATFORMS } from '../kickstart-tests/expand.ts';
import { serveFolder } from '../kickstart-tests/serve.ts';
import {
  describeTest,
  diskFiles,
  openSuite,
  type Suite,
  testTypes,
  validate,
} from '../kickstart-tests/suite.ts';

const exec = createExec();
const platform = PLATFORMS.rhel10;

/** What the suite's functions.sh says of every test that says nothing else. */
const FUNCTIONS = `
kernel_args() { echo debug=1; }
prepare() { echo $1; }
prepare_disks() { qemu-img create -q -f qcow2 $1/disk-a.img 10M; echo $1/disk-a.img; }
prepare_network() { echo ""; }
additional_runner_args() { echo ""; }
enable_uefi() { echo true; }
inject_ks_to_initrd() { echo true; }
get_required_ram() { echo 2048; }
validate() { virt-copy-out -a disk /root/RESULT $1; [ "$(cat $1/RESULT)" = SUCCESS ] || { cat $1/RESULT; return 1; }; }
`;

async function withTest(
  script: string,
  use: (suite: Suite, place: Parameters<typeof describeTest>[2]) => Promise<void>,
): Promise<void> {
  await inTempDir(async (dir) => {
    await writeFiles(dir, { 'functions.sh': FUNCTIONS, 'one.sh': `. \${KSTESTDIR}/functions.sh\n${script}` });
    const folder = join(dir, 'work');
    await mkdir(folder);
    const place = { test: 'one', folder, http: 'http://10.0.2.2:1', system: join(dir, 'system') };
    await use({ folder: dir, commit: 'c0ffee', platform }, place);
  });
}

describe('a test of the suite', () => {
  it('describes its machine by its functions', () =>
    withTest(
      `prepare() { start_httpd $2/http $2; echo "$httpd_url/ks.cfg"; }
       prepare_disks() { qemu-img create -q -f qcow2 $1/disk-a.img 1M; qemu-img create -q -f qcow2 $1/disk-b.img 2M
         echo $1/disk-a.img "path=$1/disk-b.img,bus=sata"; }
       prepare_network() { echo user; echo user; }
       enable_uefi() { echo false; }
       additional_runner_args() { echo "--wait 30"; }`,
      async (suite, place) => {
        const { disks, ...machine } = await describeTest(exec, suite, place);
        assert.deepEqual(machine, {
          kickstart: 'http://10.0.2.2:1/http/ks.cfg',
          kernelArguments: 'debug=1',
          uefi: false,
          memoryMiB: 2048,
          nics: 2,
          kickstartOnVolume: true,
          waits: true,
        });
        assert.deepEqual(disks, [join(place.folder, 'disk-a.img'), join(place.folder, 'disk-b.img')]);
        assert.deepEqual(await Promise.all(disks.map(async (disk) => (await stat(disk)).size)), [
          1 << 20,
          2 << 20,
        ]);
      },
    ));

  it('has its types, also where another test may set them', async () => {
    for (const line of ['TESTTYPE="raid skip-on-rhel"', `TESTTYPE=\${TESTTYPE:-"raid skip-on-rhel"}`]) {
      await withTest(line, async (suite) => {
        assert.deepEqual(await testTypes(suite, 'one'), ['raid', 'skip-on-rhel']);
      });
    }
  });

  it('prints disks in three notations', () => {
    assert.deepEqual(diskFiles(' /t/a.img /t/b.img,bus=scsi\npath=/t/c.img,bus=sata '), [
      '/t/a.img',
      '/t/b.img',
      '/t/c.img',
    ]);
  });
});

describe("a test's validation", () => {
  const judge = async (script: string, system: Readonly<Record<string, string>>): Promise<string> => {
    let verdict = '';
    await withTest(script, async (suite, place) => {
      await writeFiles(place.system, system);
      const { exitCode, stdout } = await validate(exec, suite, place);
      verdict = exitCode === 0 ? 'passed' : `failed: ${stdout.trim()}`;
    });
    return verdict;
  };
  const INDEX = '1\t/dev/vda1\t-\t\n2\t/dev/vda3\troot\trootfs\n3\t/dev/mapper/vg-home\t-\t\n';

  it('sees the files of the root file system', async () => {
    assert.equal(await judge('', { index: INDEX, '2/root/RESULT': 'SUCCESS\n' }), 'passed');
    assert.equal(await judge('', { index: INDEX, '2/root/RESULT': '*** bad\n' }), 'failed: *** bad');
  });

  it('fails where there is no such file, and where there is no system', async () => {
    assert.match(await judge('', { index: INDEX, '1/root/RESULT': 'SUCCESS\n' }), /^failed/);
    assert.match(await judge('', { index: '' }), /^failed/);
  });

  it('finds file systems by label and by device', async () => {
    const byDevice = (device: string, file: string): string =>
      `validate() { [ "$(virt-cat -a d -m ${device} ${file})" = SUCCESS ]; }`;
    const label = { index: INDEX, '2/root/RESULT': 'SUCCESS\n' };
    assert.equal(await judge(byDevice('/dev/disk/by-label/rootfs', '/root/RESULT'), label), 'passed');
    assert.match(await judge(byDevice('/dev/disk/by-label/other', '/root/RESULT'), label), /^failed/);
    const home = { index: INDEX, '3/RESULT': 'SUCCESS\n' };
    assert.equal(await judge(byDevice('/dev/mapper/vg-home', '/RESULT'), home), 'passed');
    assert.match(await judge(byDevice('/dev/vda1', '/RESULT'), home), /^failed/);
  });

  it('copies out of encrypted systems, by arguments and by a script', async () => {
    const system = { index: INDEX, '2/root/RESULT': 'SUCCESS\n' };
    const check = '[ "$(cat $1/RESULT)" = SUCCESS ]';
    const byArguments = `validate() { echo pw | guestfish --keys-from-stdin --ro -a d -i copy-out /root/RESULT $1; ${check}; }`;
    const byScript = `validate() { [ "$(guestfish --ro -a d launch : list-md-devices)" = /dev/md127 ] &&
      printf 'launch\\nmount /dev/mapper/x /\\ncopy_out /root/RESULT %s\\n' $1 | guestfish --ro -a d; ${check}; }`;
    assert.equal(await judge(byArguments, system), 'passed');
    assert.equal(await judge(byScript, system), 'passed');
    assert.match(await judge(byScript, { index: INDEX }), /^failed/);
  });
});

describe('the scratch copy of the suite', () => {
  it('says what to do when there is no checkout', async () => {
    await inTempDir(async (dir) => {
      await assert.rejects(
        openSuite(exec, join(dir, 'none'), join(dir, 'copy'), platform, '/t/base.squashfs'),
        (error) => error instanceof MissingError && /no checkout/.test(error.message),
      );
    });
  });
});

describe("a test's folder", () => {
  it('is served, and nothing outside it', async () => {
    await inTempDir(async (dir) => {
      await writeFiles(dir, { 'served/http/ks.cfg': 'text\n' });
      await writeFile(join(dir, 'secret'), 'x');
      const served = await serveFolder(join(dir, 'served'));
      try {
        const local = served.url.replace('10.0.2.2', '127.0.0.1');
        assert.equal(await (await fetch(`${local}/http//ks.cfg`)).text(), 'text\n');
        assert.equal((await fetch(`${local}/none`)).status, 404);
        assert.equal((await fetch(`${local}/%2e%2e%2fsecret`)).status, 404);
      } finally {
        await served.close();
      }
    });
  });
});
