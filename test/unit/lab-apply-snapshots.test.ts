import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabMachineSpec } from '../../src/lab/engine.ts';
import {
  hasSnapshot,
  qemuOnSnapshot,
  revertToSnapshot,
  takeSnapshot,
  umlOnSnapshot,
} from '../../src/lab/snapshots.ts';
import { inTempDir } from '../helpers/tmp.ts';

const machineIn = (dir: string): LabMachineSpec => ({
  name: 'node-a',
  memoryMiB: 1024,
  cpus: 2,
  firmware: 'uefi',
  disks: [
    { file: join(dir, 'disk1.raw'), bus: 'sata', serial: 'LAB00001', wwn: '0x5000000000000001' },
    { file: join(dir, 'disk2.raw'), bus: 'sata', serial: 'LAB00002' },
  ],
  nics: [{ mac: '52:54:00:00:00:01', tap: 'tap0' }],
  consoleLog: join(dir, 'console.log'),
  efiVars: join(dir, 'efivars.fd'),
  volumes: ['/k/key.iso'],
  oemStrings: ['x'],
});

describe('the freshly installed state of a node', () => {
  it('is its disks as they are, with what is written kept apart for each engine', () => {
    const spec = machineIn('/l/node-a');
    const qemu = qemuOnSnapshot(spec);
    assert.deepEqual(qemu, {
      ...spec,
      disks: [
        { ...spec.disks[0], changes: '/l/node-a/disk1.qcow2' },
        { ...spec.disks[1], changes: '/l/node-a/disk2.qcow2' },
      ],
    });
    const seed = [{ path: 'root/.ssh/authorized_keys2', content: 'k\n', mode: 0o600 }];
    const uml = umlOnSnapshot(spec, seed);
    assert.deepEqual(
      uml.disks.map(({ changes }) => changes),
      ['/l/node-a/disk1.cow', '/l/node-a/disk2.cow'],
    );
    assert.deepEqual(uml.root, { kind: 'installed', seed });
    assert.deepEqual(uml.volumes, ['/k/key.iso']);
    assert.deepEqual(uml.nics, spec.nics);
  });

  it('comes back with its firmware variables, and its disks are not touched', async () => {
    await inTempDir(async (dir) => {
      const spec = machineIn(dir);
      const file = (name: string): string => join(dir, name);
      for (const name of ['disk1.raw', 'disk2.raw', 'efivars.fd']) await writeFile(file(name), 'installed');
      assert.equal(hasSnapshot(spec), false);
      await takeSnapshot(spec);
      assert.equal(hasSnapshot(spec), true);
      for (const name of ['disk1.qcow2', 'disk2.cow', 'efivars.fd']) await writeFile(file(name), 'changed');
      await revertToSnapshot(spec);
      for (const name of ['disk1.raw', 'disk2.raw', 'efivars.fd']) {
        assert.equal(await readFile(file(name), 'utf8'), 'installed', name);
      }
      for (const name of ['disk1.qcow2', 'disk2.cow']) assert.equal(existsSync(file(name)), false, name);
      assert.equal(hasSnapshot(spec), true);
    });
  });
});
