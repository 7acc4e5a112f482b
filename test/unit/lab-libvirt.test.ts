import assert from 'node:assert/strict';
import { MissingError } from '../../src/errors/exit.ts';
import type { LabDisk, LabMachineSpec } from '../../src/lab/engine.ts';
import { type DomainPlace, domainXml } from '../../src/lab/libvirt-domain.ts';
import { isLocal } from '../../src/lab/libvirt-lab.ts';
import { virshCommand } from '../../src/lab/libvirt-session.ts';

const SPEC: LabMachineSpec = {
  name: 'node-a',
  memoryMiB: 1024,
  cpus: 2,
  firmware: 'bios',
  disks: [],
  nics: [],
  consoleLog: '/l/console.log',
};
const PLACE: DomainPlace = {
  name: 'slipway-01234567-node-a',
  type: 'qemu',
  network: 'slipway-01234567-net',
  where: (path) => ({ path }),
};
const disk = (change: Partial<LabDisk> = {}): LabDisk => ({
  file: '/d/1.raw',
  bus: 'virtio',
  serial: 'LAB00001',
  ...change,
});

const xmlOf = (change: Partial<LabMachineSpec>, place: Partial<DomainPlace> = {}): string =>
  domainXml({ ...SPEC, ...change }, { ...PLACE, ...place });

/** Without line ends and indentation. */
const flat = (xml: string): string => xml.replace(/\n\s*/g, '');

describe('a machine as domain XML', () => {
  it('is whole: a BIOS machine with a disk, a medium and a card', () => {
    const xml = xmlOf({
      disks: [disk()],
      nics: [{ mac: '52:54:00:00:00:01', tap: 'tap0' }],
      medium: { kind: 'cd', file: '/o/a & b.iso' },
      onReboot: 'end',
      oemStrings: ['io.systemd.credential:x=y'],
    });
    const features = ['ssse3', 'sse4.1', 'sse4.2', 'popcnt', 'cx16', 'lahf_lm', 'rdrand'];
    assert.equal(
      flat(xml).replace(/(<uuid>)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}</, '$1UUID<'),
      [
        '<domain type="qemu"><name>slipway-01234567-node-a</name><uuid>UUID</uuid><memory unit="MiB">1024</memory><vcpu>2</vcpu>',
        '<os><type arch="x86_64" machine="q35">hvm</type><smbios mode="sysinfo"/></os>',
        '<sysinfo type="smbios"><oemStrings><entry>io.systemd.credential:x=y</entry></oemStrings></sysinfo>',
        '<features><acpi/><apic/></features>',
        '<cpu mode="custom" match="exact" check="none"><model fallback="forbid">qemu64</model>',
        ...features.map((name) => `<feature policy="require" name="${name}"/>`),
        '</cpu><clock offset="utc"/>',
        '<on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>destroy</on_crash><devices>',
        '<disk type="file" device="disk"><source file="/d/1.raw"/>',
        '<driver name="qemu" type="raw" cache="unsafe" io="threads" discard="unmap" detect_zeroes="unmap"/>',
        '<target dev="vda" bus="virtio"/><serial>LAB00001</serial><boot order="2"/></disk>',
        '<disk type="file" device="cdrom"><source file="/o/a &amp; b.iso"/><driver name="qemu" type="raw"/>',
        '<target dev="sda" bus="sata"/><readonly/><boot order="1"/></disk>',
        '<interface type="network"><source network="slipway-01234567-net"/><mac address="52:54:00:00:00:01"/>',
        '<model type="virtio"/><rom enabled="no"/></interface>',
        '<serial type="pty"/><console type="pty"><target type="serial"/></console>',
        '<rng model="virtio"><backend model="random">/dev/urandom</backend></rng><memballoon model="none"/>',
        '<video><model type="none"/></video></devices></domain>',
      ].join(''),
    );
  });

  it('has Secure Boot with its variables in their own file', () => {
    const xml = flat(xmlOf({ firmware: 'uefi-secure', efiVars: '/l/vars.fd' }, { type: 'kvm' }));
    assert.match(
      xml,
      /<loader readonly="yes" secure="yes" type="pflash">\/usr\/share\/OVMF\/OVMF_CODE_4M\.secboot\.fd<\/loader><nvram template="[^"]+OVMF_VARS_4M\.ms\.fd">\/l\/vars\.fd<\/nvram>/,
    );
    assert.match(
      xml,
      /<features><acpi\/><apic\/><smm state="on"\/><\/features><cpu mode="host-passthrough"\/>/,
    );
  });

  it('is the same one when it is defined again, and leaves variables that it cannot reach to libvirt', () => {
    const uuid = /<uuid>.*<\/uuid>/;
    assert.equal(uuid.exec(xmlOf({}))?.[0], uuid.exec(xmlOf({ memoryMiB: 512 }))?.[0]);
    assert.notEqual(uuid.exec(xmlOf({}))?.[0], uuid.exec(xmlOf({}, { name: 'slipway-01234567-b' }))?.[0]);
    const uefi = { firmware: 'uefi', efiVars: '/l/vars.fd' } as const;
    assert.match(xmlOf(uefi, { ownVariables: true }), /<nvram template="[^"]+"\/>/);
  });

  it("has SCSI disks with the controller, World Wide Name and model of the spec's words", () => {
    const xml = flat(
      xmlOf({ disks: [disk({ bus: 'lsi', wwn: '0x5000c500a1b2c3d4', model: 'ST1', rotational: true })] }),
    );
    assert.match(xml, /<controller type="scsi" index="0" model="lsisas1078"\/>/);
    assert.match(xml, /<target dev="sda" bus="scsi" rotation_rate="7200"\/>/);
    assert.match(
      xml,
      /<serial>LAB00001<\/serial><wwn>5000c500a1b2c3d4<\/wwn><product>ST1<\/product><boot order="2"\/>/,
    );
  });

  it("takes files of another host's from a pool there", () => {
    const where = () => ({ pool: 'default', volume: 'slipway-01234567-x-disk1.raw' });
    assert.match(
      flat(xmlOf({ disks: [disk()] }, { where })),
      /<disk type="volume" device="disk"><source pool="default" volume="slipway-01234567-x-disk1\.raw"\/>/,
    );
  });

  for (const [what, change] of [
    ['disks on nvme', { bus: 'nvme' }],
    ['a sata disk of the model X', { bus: 'sata', model: 'X' }],
  ] as const) {
    it(`refuses ${what}, which libvirt does not know`, () => {
      assert.throws(
        () => xmlOf({ disks: [disk(change)] }),
        (error) => error instanceof MissingError && error.message === `node-a: libvirt cannot make ${what}`,
      );
    });
  }
});

describe("a connection of libvirt's", () => {
  it('is to this computer where its URI names no host', () => {
    assert.equal(isLocal('qemu:///system'), true);
    assert.equal(isLocal('test:///default'), true);
    assert.equal(isLocal('qemu+ssh://root@10.0.0.1/system'), false);
    assert.throws(() => isLocal('somewhere'), /somewhere is no connection of libvirt's/);
  });

  it('is made by virsh, however that is started', () => {
    assert.deepEqual(virshCommand({ uri: 'qemu:///session', virsh: ['env', 'A=b', 'virsh'] }, ['list']), [
      ...['env', 'A=b', 'virsh', '--connect', 'qemu:///session', 'list'],
    ]);
  });
});
