import assert from 'node:assert/strict';
import { MissingError } from '../../src/errors/exit.ts';
import { cpioArchive, joinArchives } from '../../src/lab/cpio.ts';
import type { LabDisk, LabMachineSpec } from '../../src/lab/engine.ts';
import { umlArgs } from '../../src/lab/uml-args.ts';

const SPEC: LabMachineSpec = {
  name: 'node-1',
  memoryMiB: 512,
  cpus: 1,
  firmware: 'bios',
  disks: [],
  nics: [],
  consoleLog: '/lab/node-1/console.log',
};
const PATHS = {
  initrd: '/lab/node-1/initrd',
  modules: '/c/modules.squashfs',
  umlDir: '/s',
  scratch: (disk: number) => `/lab/node-1/changes${disk}.cow`,
};
const CONSOLES =
  'con=null con0=fd:0,fd:1 ssl=null systemd.wants=console-getty.service systemd.mask=nftables.service';
const disk = (file: string, change: Partial<LabDisk> = {}): LabDisk => ({
  file,
  bus: 'virtio',
  serial: 'A1',
  ...change,
});

describe("User-Mode Linux's command line", () => {
  const line = (change: Partial<LabMachineSpec>): string => umlArgs({ ...SPEC, ...change }, PATHS).join(' ');

  it('starts what is installed on the disks, and forgets what is written where that is asked for', () => {
    assert.equal(
      line({ disks: [disk('/d/1.raw'), disk('/d/2.raw', { discardWrites: true })], onReboot: 'end' }),
      'umid=node-1 uml_dir=/s mem=512M initrd=/lab/node-1/initrd ubd0=/d/1.raw,,A1 ' +
        'ubd1=/lab/node-1/changes1.cow,/d/2.raw,A1 ubd7rc=/c/modules.squashfs lab.root=installed ' +
        `lab.modules=ubdh ${CONSOLES} noreboot`,
    );
  });

  it('leaves an installed disk as it is where there is a file for its changes, and a volume anyway', () => {
    assert.match(
      line({ disks: [disk('/d/1.raw', { changes: '/d/1.cow' })], volumes: ['/k/key.iso'] }),
      / ubd0=\/d\/1\.cow,\/d\/1\.raw,A1 ubd1rc=\/k\/key\.iso /,
    );
  });

  it('starts a shared system, with its changes apart and a card on a tap device', () => {
    assert.equal(
      line({
        root: { kind: 'overlay', squashfs: '/c/base', changes: '/lab/node-1/changes.img', seed: [] },
        disks: [disk('/d/1.raw')],
        nics: [{ mac: '52:54:00:00:00:01', tap: 'tap3' }],
      }),
      'umid=node-1 uml_dir=/s mem=512M initrd=/lab/node-1/initrd ubd0=/d/1.raw,,A1 ' +
        'ubd5=/lab/node-1/changes.img ubd6rc=/c/base lab.base=ubdg lab.changes=ubdf drbd.minor_count=1 ' +
        'ubd7rc=/c/modules.squashfs lab.root=overlay lab.modules=ubdh ' +
        `vec0:transport=tap,ifname=tap3,depth=64,gro=1,mac=52:54:00:00:00:01 ${CONSOLES}`,
    );
  });

  it('refuses more disks than the kernel has places for', () => {
    const disks = Array.from({ length: 8 }, (_, i) => disk(`/d/${i}`));
    assert.throws(() => line({ disks }), /places for 7 disks here, not for 8/);
  });

  for (const file of ['/d/a b', '/d/a,b', '/d/a:b']) {
    it(`refuses ${file}, which the kernel would take apart`, () => {
      assert.throws(() => line({ disks: [disk(file)] }), MissingError);
    });
  }
});

describe('an initramfs archive', () => {
  const archive = Buffer.from(
    cpioArchive([
      { path: 'init', content: '#!/bin/sh\n', mode: 0o755 },
      { path: 'a/b/c', content: 'x', mode: 0o600 },
    ]),
  );

  it('names the folders above a file before it, once', () => {
    const names = [...archive.toString('latin1').matchAll(/0707010{8}(\w{8}).{88}([\w/!]+)\0/g)].map(
      ([, mode = '', name]) => `${name} ${Number.parseInt(mode, 16).toString(8)}`,
    );
    assert.deepEqual(names, ['a 40755', 'a/b 40755', 'init 100755', 'a/b/c 100600', 'TRAILER!!! 0']);
  });

  it('begins where the kernel looks for it when it follows another one', () => {
    const joined = Buffer.from(joinArchives([new Uint8Array(5).fill(1), archive]));
    assert.equal(joined.indexOf('070701'), 8);
    assert.equal(joined.length % 4, 0);
  });
});
