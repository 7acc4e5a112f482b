import assert from 'node:assert/strict';
import { runStep, type StepReport } from '../../src/engine/run-step.ts';
import { curlConfig } from '../../src/installer/fetch-image.ts';
import { unpackImage } from '../../src/installer/steps/unpack-image.ts';
import { type FakeCommand, type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { failure, goodModel, installationOf, RAID1 } from '../helpers/installer.ts';

const DOWNLOAD = '/mnt/sysroot/.slipway-image';
const SUM = 'ab'.repeat(32);

/** A target and a server, as far as curl shows it. */
function machineWith(curl: FakeCommand, online = true): FakeMachine {
  let address = online;
  return fakeMachine({
    commands: {
      curl,
      ip: () => (address ? '2: eth0 inet 10.0.2.15/24\n' : ''),
      '/run/slipway/bin/network-up': () => {
        address = false;
        return { exitCode: 1 };
      },
      sha256sum: () => `${SUM}  ${DOWNLOAD}\n`,
      find: () => '-rw-r--r--\t3\tetc/a\t\n',
      rm: ({ args }, m) => void m.files.delete(args.at(-1) ?? ''),
      unsquashfs: (_, m) => {
        m.files.set('/mnt/sysroot/etc/a', 'a');
        return '-rw-r--r-- root/root 3 2023-11-14 22:13 /mnt/sysroot/etc/a\n';
      },
    },
  });
}
const serving: FakeCommand = (_, m) => void m.files.set(DOWNLOAD, 'hsqs');

const run = (machine: FakeMachine, options = ''): Promise<StepReport> =>
  runStep(
    unpackImage(),
    machine,
    installationOf(goodModel(RAID1), `liveimg --url=http://me:geheim@host/x.img${options}`),
  );

describe('an image from a server', () => {
  it('is fetched to the disk, verified, unpacked and taken away', async () => {
    const machine = machineWith(serving);
    const report = await run(machine, ` --checksum=${SUM}`);
    assert.equal(report.outcome, 'changed');
    assert.equal(machine.files.has(DOWNLOAD), false);
    const curl = machine.ran.find(({ file }) => file === 'curl');
    assert.deepEqual(curl?.args, ['--config', '-', '--output', DOWNLOAD]);
    assert.match(curl?.stdin ?? '', /^url = "http:\/\/me:geheim@host\/x\.img"$/m);
  });

  it('is not unpacked with another checksum, and leaves nothing behind', async () => {
    const machine = machineWith(serving);
    assert.equal(
      failure(await run(machine, ` --checksum=${'cd'.repeat(32)}`)),
      `config-invalid: http://***@host/x.img has the checksum ${SUM}, the kickstart says ${'cd'.repeat(32)}`,
    );
    assert.equal(machine.files.has(DOWNLOAD), false);
    assert.ok(!machine.ran.some(({ file }) => file === 'unsquashfs'));
  });

  for (const [title, exitCode, stderr, expected] of [
    [
      'a network that is gone',
      56,
      'curl: (56) Recv failure',
      'transient: http://***@host/x.img cannot be fetched: curl: (56) Recv failure',
    ],
    [
      'a server in trouble',
      22,
      'curl: (22) error: 503',
      'transient: http://***@host/x.img cannot be fetched: curl: (22) error: 503',
    ],
    [
      'a server without it',
      22,
      'curl: (22) error: 404',
      'config-invalid: http://***@host/x.img cannot be fetched: curl: (22) error: 404',
    ],
    [
      'a disk that is full',
      23,
      'curl: (23) Failure writing output',
      'config-invalid: the disk is too small for http://***@host/x.img: curl: (23) Failure writing output',
    ],
  ] as const) {
    it(`tells ${title} by its class`, async () => {
      const machine = machineWith(() => ({ exitCode, stderr }));
      assert.equal(failure(await run(machine)), expected);
      const tries = machine.ran.filter(({ file }) => file === 'curl').length;
      assert.equal(tries, expected.startsWith('transient') ? 6 : 1);
    });
  }

  it('wakes the network, and says when there is none', async () => {
    assert.equal(
      failure(await run(machineWith(serving, false))),
      'transient: no network card of this machine got an address',
    );
  });

  it('is asked for by a configuration of curl that no value can leave', () => {
    const text = curlConfig({ url: 'http://h/a"\\b', proxy: 'http://p:1', insecure: true });
    assert.match(text, /^url = "http:\/\/h\/a\\"\\\\b"$/m);
    assert.match(text, /^proxy = "http:\/\/p:1"$/m);
    assert.match(text, /^insecure$/m);
    assert.doesNotMatch(curlConfig({ url: 'http://h/' }), /insecure|proxy/);
  });
});
