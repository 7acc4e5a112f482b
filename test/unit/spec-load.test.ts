import assert from 'node:assert/strict';
import { join } from 'node:path';
import { hostPart, ipv4Text, subnetOf, subnetText } from '../../src/spec/address.ts';
import { checkSpecText, loadSpec } from '../../src/spec/load.ts';
import { formatSize, parseDuration, parseSize } from '../../src/spec/size.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples');

describe('the examples', () => {
  for (const name of ['ha-pair', 'standalone-raid1', 'one-disk']) {
    it(`${name} is free of problems`, async () => {
      const { spec, warnings } = await loadSpec(join(EXAMPLES, `${name}.yaml`));
      assert.equal(spec.cluster, name);
      assert.deepEqual(warnings, []);
    });
  }

  it('bring a step of their own', async () => {
    const { steps } = await loadSpec(join(EXAMPLES, 'ha-pair.yaml'));
    assert.deepEqual(steps, [
      {
        id: 'motd',
        dir: join(EXAMPLES, 'steps/motd'),
        title: 'Greet whoever logs in',
        after: [],
        timeoutSeconds: 30,
      },
    ]);
  });
});

describe('a spec in its shortest form', () => {
  const text = `slipway: 1
cluster: demo
nodes: [{ name: alone, layout: one, disks: [{ serial: S1 }] }]
layouts:
  one: { kind: single, volumes: [{ role: esp, size: 600 MiB }, { role: boot, size: 1GiB }, { role: root, size: rest }] }
`;

  it('gets its defaults', () => {
    const { spec, problems } = checkSpecText(text, 'x.yaml');
    assert.deepEqual(problems, []);
    assert.deepEqual(spec, {
      slipway: 1,
      cluster: 'demo',
      release: 'embedded',
      locale: 'en_US.UTF-8',
      keyboard: 'us',
      timezone: 'UTC',
      timeServers: [],
      nameServers: [],
      access: { sshKeys: [] },
      nodes: [
        {
          name: 'alone',
          role: 'standalone',
          layout: 'one',
          interfaces: [{ name: 'lan', address: 'dhcp' }],
          disks: [{ serial: 'S1', wipe: false }],
          afterInstall: 'reboot',
          kernelArgs: [],
        },
      ],
      layouts: {
        one: {
          kind: 'single',
          firmware: ['bios', 'uefi'],
          spares: 0,
          volumes: [
            { role: 'esp', size: 600, encrypted: false },
            { role: 'boot', size: 1024, encrypted: false },
            { role: 'root', size: 'rest', encrypted: false },
          ],
        },
      },
      packages: [],
      repositories: [],
      base: { packages: [] },
      media: { default: 'disk', timeout: 60, rpms: [], files: [] },
    });
  });

  it('may use anchors and aliases', () => {
    const again = text
      .replace('size: 600 MiB', 'size: &small 600 MiB')
      .replace('size: rest', 'size: rest, atLeast: 2 GiB, atMost: 3 GiB')
      .replace('size: 1GiB', 'size: *small');
    const { spec, problems } = checkSpecText(again, 'x.yaml');
    assert.deepEqual(problems, []);
    assert.equal(spec?.layouts['one']?.volumes[1]?.size, 600);
  });

  it('lets VLANs of one node share a card', () => {
    const vlans = `interfaces: [{ name: a, mac: "52:54:00:10:00:0a", vlan: 1, address: dhcp }, { name: b, mac: "52:54:00:10:00:0a", vlan: 2, address: dhcp }], disks`;
    assert.deepEqual(checkSpecText(text.replace('disks', vlans), 'x.yaml').problems, []);
    const same = checkSpecText(text.replace('disks', vlans.replace('vlan: 2', 'vlan: 1')), 'x.yaml').problems;
    assert.deepEqual(
      same.map(({ rule }) => rule),
      ['duplicate-mac'],
    );
  });

  it('allows both addresses of a /31', () => {
    const link = 'interfaces: [{ name: a, address: 10.0.0.0/31, gateway: 10.0.0.1 }], disks';
    assert.deepEqual(checkSpecText(text.replace('disks', link), 'x.yaml').problems, []);
  });
});

describe('sizes', () => {
  it('are MiB, GiB or TiB', () => {
    assert.deepEqual(['600 MiB', '1GiB', '1.5 GiB', '2 TiB'].map(parseSize), [600, 1024, 1536, 2_097_152]);
    assert.deepEqual(
      ['600', '1 GB', '0 MiB', '0.3 MiB', '-1 GiB', '1 gib', ''].map(parseSize),
      Array(7).fill(undefined),
    );
  });

  it('are written as a person would', () => {
    assert.deepEqual([600, 1024, 1536, 5211, 2_097_152].map(formatSize), [
      '600 MiB',
      '1 GiB',
      '1.5 GiB',
      '5.09 GiB',
      '2 TiB',
    ]);
  });

  it('of time are seconds or minutes', () => {
    assert.deepEqual(['60 s', '5min', '1 h', '60'].map(parseDuration), [60, 300, undefined, undefined]);
  });
});

describe('IPv4 subnets', () => {
  it('reach from network to broadcast', () => {
    const subnet = subnetOf('192.168.255.130/25');
    assert.equal(subnetText(subnet), '192.168.255.128/25');
    assert.equal(ipv4Text(subnet.broadcast), '192.168.255.255');
    assert.equal(hostPart('10.0.0.1/8'), '10.0.0.1');
  });
});
