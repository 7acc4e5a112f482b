import assert from 'node:assert/strict';
import { arrayOf, partitionOf, planLayout } from '../../src/plan/layout.ts';
import type { LayoutPlan } from '../../src/plan/types.ts';
import { checkSpecText } from '../../src/spec/load.ts';

/** The plan of a layout written as in a spec, on `disks` disks. */
function layoutOf(layout: string, disks = 2): LayoutPlan {
  const text = `slipway: 1
cluster: demo
nodes: [{ name: a, layout: l, disks: { count: ${disks} } }]
layouts: { l: ${layout} }
`;
  const { spec, problems } = checkSpecText(text, 'x.yaml');
  // What a node or a release makes of a layout is not what these tests are about.
  assert.deepEqual(
    problems.filter(({ rule }) => !['needless-clustered', 'encrypted-on-embedded'].includes(rule)),
    [],
  );
  const found = spec?.layouts['l'];
  assert.ok(found !== undefined);
  return planLayout(found, disks);
}

const shape = (layout: LayoutPlan) =>
  layout.partitions.map(({ gptName, sizeMiB, grow }) => `${gptName} ${sizeMiB}${grow ? '+' : ''}`);

const BASIC = '{ role: boot, size: 1 GiB }, { role: root, size: 3 GiB }';

describe('a layout', () => {
  it('puts biosboot, ESP and /boot first and the growing partition last', () => {
    const layout = layoutOf(
      `{ kind: raid1, volumes: [{ role: clustered, size: rest }, { role: swap, size: 512 MiB }, ${BASIC}, { role: esp, size: 600 MiB }] }`,
    );
    assert.deepEqual(shape(layout), [
      'slipway-biosboot 1',
      'slipway-esp 600',
      'slipway-boot 1024',
      'slipway-swap 512',
      'slipway-root 3072',
      'slipway-clustered 256+',
    ]);
    assert.equal(layout.minimumDiskMiB, 2 + 1 + 600 + 1024 + 512 + 3072 + 256);
  });

  it('has no biosboot partition when it only boots by UEFI', () => {
    const layout = layoutOf(
      `{ kind: single, firmware: [uefi], volumes: [{ role: esp, size: 600 MiB }, ${BASIC}] }`,
      1,
    );
    assert.deepEqual(shape(layout), ['slipway-esp 600', 'slipway-boot 1024', 'slipway-root 3072']);
    assert.deepEqual(layout.arrays, []);
  });

  it('needs no ESP when it only boots by BIOS', () => {
    const layout = layoutOf(`{ kind: single, firmware: [bios], volumes: [${BASIC}] }`, 1);
    assert.deepEqual(shape(layout), ['slipway-biosboot 1', 'slipway-boot 1024', 'slipway-root 3072']);
  });

  it('keeps the ESP type on RAID members and the superblock at the end where firmware and GRUB read them', () => {
    const layout = layoutOf(
      `{ kind: raid1, volumes: [{ role: esp, size: 600 MiB }, ${BASIC}, { role: data, size: rest }] }`,
    );
    const typeOf = (array: string): string | undefined =>
      layout.partitions.find(({ gptName }) => gptName === `slipway-${array}`)?.typeGuid;
    assert.deepEqual(
      layout.arrays.map(({ name, metadata }) => [name, metadata, typeOf(name)]),
      [
        ['esp', '1.0', 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'],
        ['boot', '1.0', 'A19D880F-05FC-4D3B-A006-743F0F84911E'],
        ['root', '1.2', 'A19D880F-05FC-4D3B-A006-743F0F84911E'],
        ['data', '1.2', 'A19D880F-05FC-4D3B-A006-743F0F84911E'],
      ],
    );
  });

  it('mounts parents before children', () => {
    const layout = layoutOf(
      `{ kind: single, volumes: [{ role: data, mount: /srv/www/logs, name: logs, size: 1 GiB }, { role: data, mount: /srv, size: 1 GiB }, { role: swap, size: 1 GiB }, { role: esp, size: 600 MiB }, ${BASIC}] }`,
      1,
    );
    assert.deepEqual(
      layout.volumes.map(({ mountPoint }) => mountPoint),
      ['/', '/srv', '/boot', '/boot/efi', '/srv/www/logs', undefined],
    );
  });

  it('counts spares among its disks', () => {
    const layout = layoutOf(
      `{ kind: raid1, spares: 1, volumes: [{ role: esp, size: 600 MiB }, ${BASIC}] }`,
      3,
    );
    assert.deepEqual([layout.diskCount, layout.spares], [3, 1]);
  });

  it('leaves a clustered volume unformatted and unmounted', () => {
    const layout = layoutOf(
      `{ kind: raid1, volumes: [{ role: esp, size: 600 MiB }, ${BASIC}, { role: clustered, size: rest }] }`,
    );
    const clustered = layout.volumes.find(({ role }) => role === 'clustered');
    assert.deepEqual(clustered, { role: 'clustered', sizeMiB: 256, grow: true, on: 'array' });
  });
});

describe('a layout with a volume group', () => {
  const LVM = (more: string) =>
    `{ kind: raid1, volumeGroup: system, volumes: [{ role: esp, size: 600 MiB }, ${BASIC}, { role: data, name: logs, size: 1 GiB }${more}] }`;

  it('holds everything but ESP, /boot and the clustered volume', () => {
    const layout = layoutOf(LVM(', { role: clustered, size: rest }'));
    assert.deepEqual(layout.volumeGroup, { name: 'system', volumes: ['root', 'data'] });
    assert.deepEqual(
      layout.volumes.map(({ role, on }) => `${role} ${on}`),
      ['root lv', 'boot array', 'data lv', 'esp array', 'clustered array'],
    );
    assert.equal(shape(layout).at(-1), 'slipway-clustered 256+');
  });

  it('lies on a physical volume that takes the rest when the clustered volume does not', () => {
    const layout = layoutOf(LVM(', { role: clustered, size: 1 GiB }'));
    const pv = layout.partitions.at(-1);
    assert.equal(pv?.role, 'pv');
    assert.equal(pv?.grow, true);
    // Room for the extents, LVM's metadata and what mdadm reserves.
    assert.ok((pv?.sizeMiB ?? 0) > 3072 + 1024);
  });

  it('finds the partition and the array below each volume', () => {
    const layout = layoutOf(LVM(''));
    const data = layout.volumes.find(({ role }) => role === 'data');
    assert.ok(data !== undefined);
    assert.equal(partitionOf(layout, data)?.gptName, 'slipway-pv');
    assert.equal(arrayOf(layout, data)?.name, 'pv');
  });
});

describe('a volume', () => {
  it('can be encrypted, named and limited', () => {
    const layout = layoutOf(
      `{ kind: single, volumes: [{ role: esp, size: 600 MiB }, ${BASIC.replace('role: root', 'role: root, encrypted: true, fileSystem: xfs')}, { role: data, name: logs, mount: /var/log, size: rest, atLeast: 1 GiB, atMost: 2 GiB }] }`,
      1,
    );
    assert.deepEqual(
      layout.volumes.filter(({ role }) => role === 'root' || role === 'data'),
      [
        {
          role: 'root',
          sizeMiB: 3072,
          grow: false,
          fileSystem: 'xfs',
          label: 'slipway-root',
          mountPoint: '/',
          encrypted: true,
          on: 'partition',
        },
        {
          role: 'data',
          name: 'logs',
          sizeMiB: 1024,
          grow: true,
          maxSizeMiB: 2048,
          fileSystem: 'ext4',
          label: 'logs',
          mountPoint: '/var/log',
          on: 'partition',
        },
      ],
    );
    assert.deepEqual(layout.partitions.at(-1), {
      role: 'data',
      gptName: 'slipway-logs',
      sizeMiB: 1024,
      grow: true,
      maxSizeMiB: 2048,
      typeGuid: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
    });
  });
});
