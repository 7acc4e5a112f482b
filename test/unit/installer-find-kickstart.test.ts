import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { CommandError } from '../../src/engine/command.ts';
import { parseBootArguments } from '../../src/installer/boot-arguments.ts';
import { findKickstart } from '../../src/installer/find-kickstart.ts';
import { type FakeMachine, type FakeMachineOptions, fakeMachine } from '../helpers/fake-machine.ts';
import { refusal } from '../helpers/installer.ts';

const FOLDER = '/run/slipway/kickstart';
const NODES = '/run/install/repo/slipway/nodes';

/** A machine whose volumes, by device, appear below the folder where they are mounted. */
function machineWith(
  volumes: Readonly<Record<string, Readonly<Record<string, string>>>>,
  options: FakeMachineOptions = {},
): FakeMachine {
  const devices = Object.keys(volumes).map((device) => [device, ''] as const);
  return fakeMachine({
    ...options,
    files: { ...Object.fromEntries(devices), ...options.files },
    commands: {
      mkdir: () => '',
      mount: ({ args }, machine) => {
        const files = volumes[args.at(-2) ?? ''];
        if (files === undefined) return { exitCode: 32, stderr: 'no medium found\n' };
        for (const [path, text] of Object.entries(files)) machine.files.set(`${FOLDER}${path}`, text);
        return '';
      },
      umount: (_, machine) => {
        for (const path of machine.files.keys()) if (path.startsWith(FOLDER)) machine.files.delete(path);
        return '';
      },
    },
  });
}

const find = (machine: FakeMachine, commandLine: string) =>
  findKickstart(machine, parseBootArguments(commandLine));
const mounts = ({ ran }: FakeMachine): readonly string[] =>
  ran.flatMap(({ file, args }) => (file === 'mount' ? args.join(' ') : []));

describe('the search for the kickstart', () => {
  it('reads a file', async () => {
    const machine = fakeMachine({ files: { '/a.ks': 'text\n' } });
    assert.deepEqual(await find(machine, 'inst.ks=file:/a.ks'), { text: 'text\n', file: '/a.ks' });
    assert.equal(
      await refusal(find(machine, 'inst.ks=file:/b.ks')),
      'config-invalid: there is no kickstart /b.ks',
    );
  });

  it('takes the kickstart of the node that the boot menu chose', async () => {
    const machine = fakeMachine({ files: { '/run/install/repo/slipway/ks/node-a.ks': 'a\n' } });
    assert.deepEqual(await find(machine, 'slipway.node=node-a'), {
      text: 'a\n',
      file: '/run/install/repo/slipway/ks/node-a.ks',
      node: 'node-a',
    });
    assert.match(
      String(await refusal(find(machine, 'slipway.node=node-b'))),
      /there is no kickstart .*node-b\.ks$/,
    );
  });

  it('finds a volume by a label with special characters, and leaves it as it was', async () => {
    const link = '/dev/disk/by-label/My\\x20Disk\\x2f1é';
    const machine = machineWith({ '/dev/sdb1': { '/a.ks': 'text\n' } }, { links: { [link]: '/dev/sdb1' } });
    const found = await find(machine, 'inst.ks=hd:LABEL=My\\x20Disk/1é:/a.ks');
    assert.deepEqual(found, { text: 'text\n', file: '/a.ks' });
    assert.deepEqual(
      machine.ran.map(({ file, args }) => [file, ...args].join(' ')),
      [
        `mkdir -p ${FOLDER}`,
        `mount -t iso9660,vfat,udf,exfat,ext2 -o ro /dev/sdb1 ${FOLDER}`,
        `umount ${FOLDER}`,
      ],
    );
  });

  it('does not let a journal be replayed on a disk nobody released', async () => {
    const superblock = (bytes: Buffer): Buffer => {
      bytes.writeUInt16LE(0xef53, 1080);
      bytes.writeUInt32LE(0x4, 1116);
      bytes.writeUInt32LE(0x40, 1120);
      return bytes;
    };
    for (const [type, bytes] of [
      ['ext4', superblock(Buffer.alloc(8192))],
      ['xfs', Buffer.concat([Buffer.from('XFSB'), Buffer.alloc(8188)])],
    ] as const) {
      const machine = machineWith({ '/dev/sdb1': { '/ks.cfg': 'x\n' } }, { files: { '/dev/sdb1': bytes } });
      await find(machine, 'inst.ks=hd:sdb1');
      assert.deepEqual(mounts(machine), [`-t ${type} -o ro,norecovery /dev/sdb1 ${FOLDER}`]);
    }
  });

  it('reads a volume where it is mounted already', async () => {
    const machine = machineWith(
      { '/dev/sdb': {} },
      {
        files: {
          '/proc/self/mounts': 'proc /proc proc rw 0 0\n/dev/sdb /run/install/repo iso9660 ro 0 0\n',
          '/run/install/repo/a.ks': 'text\n',
        },
        links: { '/dev/disk/by-label/DEMO': '/dev/sdb' },
      },
    );
    assert.equal((await find(machine, 'inst.ks=hd:LABEL=DEMO:/a.ks')).text, 'text\n');
    assert.deepEqual(machine.ran, []);
  });

  it('reads a stick, whose first partition is the medium once more, where the whole stick is mounted', async () => {
    const files = {
      '/proc/self/mounts': '/dev/sda /run/install/repo iso9660 ro 0 0\n',
      '/run/install/repo/a.ks': 'text\n',
      '/dev/sda1': '',
      '/dev/sdb1': '',
    };
    const links = {
      '/dev/disk/by-label/DEMO': '/dev/sda1',
      '/dev/disk/by-label/OTHER': '/dev/sdb1',
      '/sys/class/block/sda1': '/sys/devices/usb1/block/sda/sda1',
      '/sys/class/block/sdb1': '/sys/devices/ata1/block/sdb/sdb1',
    };
    const there = {
      '/sys/devices/usb1/block/sda/sda1/size': '',
      '/sys/devices/ata1/block/sdb/sdb1/size': '',
    };
    const machine = machineWith({}, { files: { ...files, ...there }, links });
    assert.equal((await find(machine, 'inst.ks=hd:LABEL=DEMO:/a.ks')).text, 'text\n');
    assert.equal(
      await refusal(find(machine, 'inst.ks=hd:LABEL=OTHER:/a.ks')),
      'config-invalid: /dev/sdb1 does not mount',
    );
  });

  it('says which volume is missing, empty or not to be mounted', async () => {
    const machine = machineWith({ '/dev/sdb1': {} }, { files: { '/dev/sdc1': '' } });
    assert.equal(
      await refusal(find(machine, 'inst.ks=hd:LABEL=X:/a.ks')),
      'config-invalid: there is no volume LABEL=X in this machine',
    );
    assert.equal(
      await refusal(find(machine, 'inst.ks=hd:sdb1:/a.ks')),
      'config-invalid: there is no kickstart /a.ks on sdb1',
    );
    assert.deepEqual(machine.ran.at(-1)?.file, 'umount');
    assert.equal(
      await refusal(find(machine, 'inst.ks=hd:/dev/sdc1:/a.ks')),
      'config-invalid: /dev/sdc1 does not mount',
    );
  });

  it('looks through every CD drive', async () => {
    const files = { '/sys/block/sr0/size': '', '/sys/block/sr1/size': '', '/sys/block/sda/size': '' };
    const machine = machineWith({ '/dev/sr1': { '/a.ks': 'cd\n' } }, { files });
    assert.deepEqual(await find(machine, 'inst.ks=cdrom:/a.ks'), { text: 'cd\n', file: '/a.ks' });
    assert.equal(
      await refusal(find(machine, 'inst.ks=cdrom:/b.ks')),
      'config-invalid: no CD or DVD holds /b.ks',
    );
  });

  it('takes ks.cfg from a volume labelled OEMDRV when nothing is asked for', async () => {
    const links = { '/dev/disk/by-label/OEMDRV': '/dev/sdc1' };
    const machine = machineWith({ '/dev/sdc1': { '/ks.cfg': 'oem\n' } }, { links });
    assert.deepEqual(await find(machine, 'quiet'), { text: 'oem\n', file: '/ks.cfg' });
    assert.match(
      String(await refusal(find(fakeMachine(), 'quiet'))),
      /^config-invalid: no kickstart: no inst\.ks=/,
    );
  });

  describe('by the MAC address', () => {
    const node = (...interfaces: readonly unknown[]): string => JSON.stringify({ interfaces });
    const files = {
      [`${NODES}/node-a.json`]: node({ name: 'lan', mac: '52:54:00:00:00:0a' }),
      [`${NODES}/node-b.json`]: node({
        name: 'lan',
        bond: { mode: 'x', macs: ['52:54:00:00:00:0b', '52:54:00:00:00:1b'] },
      }),
      '/run/install/repo/slipway/ks/node-a.ks': 'a\n',
      '/run/install/repo/slipway/ks/node-b.ks': 'b\n',
      '/sys/class/net/lo/address': '00:00:00:00:00:00\n',
      '/sys/class/net/bonding_masters': '',
    };
    const withCards = (...cards: readonly string[]): FakeMachine =>
      fakeMachine({
        files: {
          ...files,
          ...Object.fromEntries(cards.map((card, i) => [`/sys/class/net/eth${i}/address`, `${card}\n`])),
        },
      });

    it('finds the one node with a card of this machine', async () => {
      const cards = ['52:54:00:00:00:99', '52:54:00:00:00:1B'];
      assert.deepEqual(await find(withCards(...cards), 'slipway.node=by-mac'), {
        text: 'b\n',
        file: '/run/install/repo/slipway/ks/node-b.ks',
        node: 'node-b',
      });
    });

    it('never guesses', async () => {
      assert.equal(
        await refusal(find(withCards('52:54:00:00:00:99'), 'slipway.node=by-mac')),
        'config-invalid: no node of this medium has a network card of this machine (52:54:00:00:00:99)',
      );
      assert.equal(
        await refusal(find(withCards(), 'slipway.node=by-mac')),
        'config-invalid: no node of this medium has a network card of this machine (it has none)',
      );
      assert.equal(
        await refusal(find(withCards('52:54:00:00:00:0a', '52:54:00:00:00:0b'), 'slipway.node=by-mac')),
        'config-invalid: this machine has network cards of several nodes: node-a, node-b',
      );
    });

    it('says when the medium is damaged', async () => {
      const machine = withCards('52:54:00:00:00:0a');
      machine.files.set(`${NODES}/node-b.json`, '{"interf');
      assert.equal(
        await refusal(find(machine, 'slipway.node=by-mac')),
        "config-invalid: the medium's node-b.json cannot be read",
      );
    });
  });

  describe('on a server', () => {
    let server: Server;
    let answers: number[] = [];
    before((done) => {
      server = createServer((_, response) => {
        const status = answers.shift() ?? 200;
        response.writeHead(status).end(status === 200 ? 'from afar\n' : '');
      }).listen(0, '127.0.0.1', done);
    });
    after(() => server.close());
    const url = (): string => {
      const address = server.address();
      assert.ok(typeof address === 'object' && address !== null);
      return `http://127.0.0.1:${address.port}/a.ks`;
    };

    it('fetches it', async () => {
      assert.deepEqual(await find(fakeMachine(), `inst.ks=${url()}`), { text: 'from afar\n', file: url() });
    });

    it('waits for a server that is still starting', async () => {
      answers = [503, 500];
      const machine = fakeMachine({ clock: 0 });
      assert.equal((await find(machine, `inst.ks=${url()}`)).text, 'from afar\n');
      assert.equal(machine.clock, 10_000);
    });

    it('takes no for an answer', async () => {
      answers = [404];
      const machine = fakeMachine({ clock: 0 });
      assert.equal(
        await refusal(find(machine, `inst.ks=${url()}`)),
        `config-invalid: ${url()} cannot be fetched: the server answers 404 Not Found`,
      );
      assert.equal(machine.clock, 0);
    });

    it('gives up on a server that is not there', async () => {
      const machine = fakeMachine({ clock: 0 });
      // Port 1 of the loopback: nobody listens there.
      assert.match(
        String(await refusal(find(machine, 'inst.ks=http://127.0.0.1:1/a.ks'))),
        /^config-invalid: http:\/\/127\.0\.0\.1:1\/a\.ks cannot be fetched: /,
      );
      assert.equal(machine.clock, 25_000);
    });
  });

  it('passes on what a command does wrong', async () => {
    const machine = fakeMachine({ files: { '/dev/sdb1': '' } });
    await assert.rejects(find(machine, 'inst.ks=hd:sdb1'), CommandError);
  });
});
