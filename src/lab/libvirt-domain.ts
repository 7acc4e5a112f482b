/** A machine as libvirt's domain XML (https://libvirt.org/formatdomain.html): pure, so that it can be asserted whole. */
import { create } from 'xmlbuilder2';
import { MissingError } from '../errors/exit.ts';
import { hashText } from '../host/hash.ts';
import type { DiskBus, LabDisk, LabMachineSpec, LabNic } from './engine.ts';
import { OVMF } from './qemu-args.ts';

/** A file on libvirt's host, by its path or as a volume of a storage pool. */
export type LibvirtFile = { readonly path: string } | { readonly pool: string; readonly volume: string };

export interface DomainPlace {
  /** Name of the domain. */
  readonly name: string;
  /** `qemu` is emulation; `test` is what libvirt's own test driver takes. */
  readonly type: 'kvm' | 'qemu' | 'test';
  /** An isolated network of libvirt's; undefined gives each card a network of its own that only leads to the host. */
  readonly network?: string;
  /** UEFI's variables are kept by libvirt, not in our file. */
  readonly ownVariables?: boolean;
  /** Where a file of this computer is on libvirt's host. */
  readonly where: (file: string) => LibvirtFile;
}

/** @throws {MissingError} for what libvirt cannot make. */
export function domainXml(spec: LabMachineSpec, place: DomainPlace): string {
  const { memoryMiB, cpus, oemStrings = [], onReboot } = spec;
  const domain = {
    '@type': place.type,
    name: place.name,
    uuid: uuidOf(place.name),
    memory: { '@unit': 'MiB', '#': memoryMiB },
    vcpu: cpus,
    os: firmware(spec, place),
    ...(oemStrings.length === 0 ? {} : { sysinfo: { '@type': 'smbios', oemStrings: { entry: oemStrings } } }),
    ...(place.type === 'test' ? {} : hardware(spec, place)),
    clock: { '@offset': 'utc' },
    on_poweroff: 'destroy',
    on_reboot: onReboot === 'end' ? 'destroy' : 'restart',
    on_crash: 'destroy',
    devices: devices(spec, place),
  };
  return create({ domain }).end({ prettyPrint: true, headless: true });
}

/** The same for the same machine of the same lab, so that defining it once more replaces what there was. */
function uuidOf(name: string): string {
  const [, ...parts] = /^(.{8})(.{4})(.{4})(.{4})(.{12})/.exec(hashText(name)) ?? [];
  return parts.join('-');
}

function firmware(
  { firmware: kind, efiVars, kernel, oemStrings = [], name }: LabMachineSpec,
  { type, ownVariables = false }: DomainPlace,
): object {
  const machine = type === 'test' ? {} : { '@machine': 'q35' };
  const base = { type: { '@arch': 'x86_64', ...machine, '#': 'hvm' } };
  const started =
    kernel === undefined ? {} : { kernel: kernel.file, initrd: kernel.initrd, cmdline: kernel.commandLine };
  const strings = oemStrings.length === 0 ? {} : { smbios: { '@mode': 'sysinfo' } };
  if (kind === 'bios') return { ...base, ...started, ...strings };
  if (efiVars === undefined) throw new RangeError(`${name}: UEFI needs a file for its variables`);
  const { code, vars } = OVMF[kind];
  const secure = kind === 'uefi-secure' ? 'yes' : 'no';
  return {
    ...base,
    loader: { '@readonly': 'yes', '@secure': secure, '@type': 'pflash', '#': code },
    nvram: { '@template': vars, ...(ownVariables ? {} : { '#': efiVars }) },
    ...started,
    ...strings,
  };
}

/** Features that the emulated processor has beyond QEMU's simplest; see qemu-args.ts for why no more. */
const EMULATED_FEATURES = ['ssse3', 'sse4.1', 'sse4.2', 'popcnt', 'cx16', 'lahf_lm', 'rdrand'];

const hardware = ({ firmware: kind }: LabMachineSpec, { type }: DomainPlace): object => ({
  features: { acpi: {}, apic: {}, ...(kind === 'uefi-secure' ? { smm: { '@state': 'on' } } : {}) },
  cpu:
    type === 'kvm'
      ? { '@mode': 'host-passthrough' }
      : {
          '@mode': 'custom',
          '@match': 'exact',
          '@check': 'none',
          model: { '@fallback': 'forbid', '#': 'qemu64' },
          feature: EMULATED_FEATURES.map((name) => ({ '@policy': 'require', '@name': name })),
        },
});

function devices(spec: LabMachineSpec, place: DomainPlace): object {
  const { disks, medium, stick, kernel, volumes = [], nics, screen } = spec;
  const names = new TargetNames();
  // A kernel has the first place itself.
  const bootsMedium = medium !== undefined && kernel === undefined;
  return {
    controller: [
      ...SCSI.filter((bus) => disks.some((disk) => disk.bus === bus)).map((bus, index) => ({
        '@type': 'scsi',
        '@index': index,
        '@model': SCSI_MODEL[bus],
      })),
      ...(medium?.kind === 'usb' || stick !== undefined ? [{ '@type': 'usb', '@model': 'qemu-xhci' }] : []),
    ],
    disk: [
      ...disks.map((disk, i) => diskElement(spec.name, disk, i, names, place)),
      ...(medium === undefined
        ? []
        : [readOnly(medium.file, medium.kind, names, place, bootsMedium ? 1 : undefined)]),
      ...volumes.map((file) => readOnly(file, 'cd', names, place, undefined)),
      ...(stick === undefined ? [] : [writableStick(stick, names, place)]),
    ],
    interface: nics.map((nic) => card(nic, place)),
    serial: { '@type': 'pty' },
    console: { '@type': 'pty', target: { '@type': 'serial' } },
    ...(place.type === 'test' ? {} : { rng: RNG, memballoon: { '@model': 'none' } }),
    ...(screen === true
      ? { video: { model: { '@type': 'vga' } } }
      : { video: { model: { '@type': 'none' } } }),
  };
}

const RNG = { '@model': 'virtio', backend: { '@model': 'random', '#': '/dev/urandom' } };

const SCSI = ['scsi', 'lsi', 'pvscsi'] as const;
const SCSI_MODEL = { scsi: 'virtio-scsi', lsi: 'lsisas1078', pvscsi: 'vmpvscsi' } as const;

const LIBVIRT_BUS: Readonly<Record<DiskBus, string | undefined>> = {
  virtio: 'virtio',
  sata: 'sata',
  scsi: 'scsi',
  lsi: 'scsi',
  pvscsi: 'scsi',
  nvme: undefined,
};

/** `vda`, `sda` …: libvirt only wants them to differ, and derives places from them. */
class TargetNames {
  readonly #used = new Map<string, number>();

  next(bus: string): string {
    const prefix = bus === 'virtio' ? 'vd' : 'sd';
    const index = this.#used.get(prefix) ?? 0;
    this.#used.set(prefix, index + 1);
    return `${prefix}${'abcdefghijklmnopqrstuvwxyz'[index]}`;
  }
}

function diskElement(
  machine: string,
  disk: LabDisk,
  index: number,
  names: TargetNames,
  { where }: DomainPlace,
): object {
  const { serial, wwn, model, rotational, discardWrites, changes } = disk;
  const bus = LIBVIRT_BUS[disk.bus];
  if (bus === undefined) throw cannot(machine, `disks on ${disk.bus}`, 'take --bus virtio or scsi');
  if (model !== undefined && bus !== 'scsi') {
    throw cannot(machine, `a ${disk.bus} disk of the model ${model}`, 'take --bus scsi');
  }
  const rotation =
    rotational === undefined || bus === 'virtio' ? {} : { '@rotation_rate': rotational ? 7200 : 1 };
  return {
    ...source(where(changes ?? disk.file)),
    '@device': 'disk',
    driver: {
      ...{ '@name': 'qemu', '@type': changes === undefined ? 'raw' : 'qcow2', '@cache': 'unsafe' },
      ...{ '@io': 'threads', '@discard': 'unmap', '@detect_zeroes': 'unmap' },
    },
    target: { '@dev': names.next(bus), '@bus': bus, ...rotation },
    ...(discardWrites === true ? { transient: {} } : {}),
    serial,
    ...(wwn === undefined ? {} : { wwn: wwn.replace(/^0x/, '') }),
    ...(model === undefined ? {} : { product: model }),
    boot: { '@order': index + 2 },
  };
}

function readOnly(
  file: string,
  kind: 'cd' | 'usb',
  names: TargetNames,
  { where }: DomainPlace,
  order: number | undefined,
): object {
  const bus = kind === 'cd' ? 'sata' : 'usb';
  return {
    ...source(where(file)),
    '@device': kind === 'cd' ? 'cdrom' : 'disk',
    driver: { '@name': 'qemu', '@type': 'raw' },
    target: { '@dev': names.next(bus), '@bus': bus, ...(kind === 'usb' ? { '@removable': 'on' } : {}) },
    readonly: {},
    ...(order === undefined ? {} : { boot: { '@order': order } }),
  };
}

const writableStick = (file: string, names: TargetNames, { where }: DomainPlace): object => ({
  ...source(where(file)),
  '@device': 'disk',
  driver: { '@name': 'qemu', '@type': 'raw' },
  target: { '@dev': names.next('usb'), '@bus': 'usb', '@removable': 'on' },
});

const source = (file: LibvirtFile): object =>
  'path' in file
    ? { '@type': 'file', source: { '@file': file.path } }
    : { '@type': 'volume', source: { '@pool': file.pool, '@volume': file.volume } };

function card({ mac, reach }: LabNic, { network }: DomainPlace): object {
  const common = { mac: { '@address': mac }, model: { '@type': 'virtio' }, rom: { '@enabled': 'no' } };
  if (reach === 'host' || network === undefined) return { '@type': 'user', ...common };
  return { '@type': 'network', source: { '@network': network }, ...common };
}

const cannot = (machine: string, what: string, hint: string): MissingError =>
  new MissingError(`${machine}: libvirt cannot make ${what}`, hint);
