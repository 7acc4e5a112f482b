/** QEMU's command line for a machine: pure, so that it can be asserted whole. */
import type { DiskBus, LabDisk, LabFirmware, LabMachineSpec, LabNic } from './engine.ts';

export type Acceleration = 'kvm' | 'tcg';

/** File descriptor on which QEMU finds its control channel, handed down by the parent. */
export const QMP_FD = 3;

/** Debian's ovmf package. */
export const OVMF: Readonly<
  Record<Exclude<LabFirmware, 'bios'>, { readonly code: string; readonly vars: string }>
> = {
  uefi: { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', vars: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  'uefi-secure': {
    code: '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
    vars: '/usr/share/OVMF/OVMF_VARS_4M.ms.fd',
  },
};

export function qemuArgs(spec: LabMachineSpec, acceleration: Acceleration): readonly string[] {
  return [
    ...['-name', spec.name, '-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-vga', spec.screen === true ? 'std' : 'none'],
    ...['-machine', spec.firmware === 'uefi-secure' ? 'q35,smm=on' : 'q35'],
    ...accelerationArgs(acceleration),
    ...['-smp', String(spec.cpus), '-m', `${spec.memoryMiB}M`, '-rtc', 'base=utc'],
    ...firmwareArgs(spec),
    ...['-chardev', `stdio,id=serial0,signal=off,logfile=${optionValue(spec.consoleLog)}`],
    ...['-serial', 'chardev:serial0'],
    ...['-chardev', `socket,id=qmp0,fd=${QMP_FD}`, '-mon', 'chardev=qmp0,mode=control'],
    ...(spec.onReboot === 'end' ? ['-action', 'reboot=shutdown'] : []),
    // Without it a guest waits for entropy that an emulated machine hardly has.
    ...['-device', 'virtio-rng-pci'],
    ...kernelArgs(spec),
    ...(spec.medium?.kind === 'usb' || spec.stick !== undefined ? ['-device', 'qemu-xhci,id=xhci'] : []),
    ...mediumArgs(spec),
    ...stickArgs(spec),
    ...volumeArgs(spec),
    ...diskArgs(spec),
    ...spec.nics.flatMap((nic, i) => [
      ...['-netdev', netdev(nic, i)],
      ...['-device', `virtio-net-pci,netdev=net${i},mac=${nic.mac},romfile=`],
    ]),
    ...(spec.oemStrings ?? []).flatMap((text) => ['-smbios', `type=11,value=${optionValue(text)}`]),
  ];
}

/**
 * x86-64-v2 and no more. Emulated AVX is slower than what programs do without it: unpacking the payload took 15 s so
 * and 24 s with `-cpu max` (QEMU 7.2, 2 virtual processors). Systems that demand v3, as RHEL 10 does, need another one.
 */
const EMULATED_CPU = 'qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+lahf-lm,+rdrand';

/** A translation buffer smaller than the guest's working set is emptied again and again. */
const accelerationArgs = (acceleration: Acceleration): readonly string[] =>
  acceleration === 'kvm'
    ? ['-accel', 'kvm', '-cpu', 'host']
    : ['-accel', 'tcg,thread=multi,tb-size=512', '-cpu', EMULATED_CPU];

function firmwareArgs({ firmware, efiVars, name }: LabMachineSpec): readonly string[] {
  if (firmware === 'bios') return [];
  if (efiVars === undefined) throw new RangeError(`${name}: UEFI needs a file for its variables`);
  return [
    ...(firmware === 'uefi-secure'
      ? [
          ...['-global', 'driver=cfi.pflash01,property=secure,value=on'],
          ...['-global', 'ICH9-LPC.disable_s3=1'],
        ]
      : []),
    ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${optionValue(OVMF[firmware].code)}`],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${optionValue(efiVars)}`],
  ];
}

const kernelArgs = ({ kernel }: LabMachineSpec): readonly string[] =>
  kernel === undefined
    ? []
    : ['-kernel', kernel.file, '-initrd', kernel.initrd, '-append', kernel.commandLine];

function mediumArgs({ medium, kernel }: LabMachineSpec): readonly string[] {
  if (medium === undefined) return [];
  // A kernel has the first place itself.
  const boot = kernel === undefined ? ',bootindex=0' : '';
  const file = `file=${optionValue(medium.file)}`;
  if (medium.kind === 'cd') {
    return [
      ...['-drive', `if=none,id=medium,format=raw,media=cdrom,readonly=on,${file}`],
      ...['-device', `ide-cd,bus=ide.5,drive=medium${boot}`],
    ];
  }
  return [
    ...['-drive', `if=none,id=medium,format=raw,readonly=on,${file}`],
    ...['-device', `usb-storage,bus=xhci.0,drive=medium,removable=on${boot}`],
  ];
}

const stickArgs = ({ stick }: LabMachineSpec): readonly string[] =>
  stick === undefined
    ? []
    : [
        ...['-drive', `if=none,id=stick,format=raw,file=${optionValue(stick)}`],
        ...['-device', 'usb-storage,bus=xhci.0,drive=stick,removable=on'],
      ];

/** The medium has the last SATA port, these the ports before it. */
const volumeArgs = ({ volumes = [] }: LabMachineSpec): readonly string[] =>
  volumes.flatMap((file, i) => [
    ...['-drive', `if=none,id=volume${i},format=raw,media=cdrom,readonly=on,file=${optionValue(file)}`],
    ...['-device', `ide-cd,bus=ide.${4 - i},drive=volume${i}`],
  ]);

function netdev({ tap, wire, reach }: LabNic, index: number): string {
  if (tap !== undefined) return `tap,id=net${index},ifname=${tap},script=no,downscript=no`;
  if (wire !== undefined) {
    return `socket,id=net${index},udp=127.0.0.1:${wire.hub},localaddr=127.0.0.1:${wire.port}`;
  }
  return `user,id=net${index},restrict=${reach === 'host' ? 'off' : 'on'}`;
}

function diskArgs({ disks }: LabMachineSpec): readonly string[] {
  const controllers = SCSI_BUSES.filter((wanted) => disks.some(({ bus }) => bus === wanted));
  return [
    ...controllers.flatMap((bus) => ['-device', `${CONTROLLER[bus]},id=${bus}`]),
    ...disks.flatMap((disk, i) => [
      ...['-drive', `if=none,id=${driveId(i)},${backing(disk)}`],
      '-device',
      `${diskDevice(disk.bus, i)},drive=${driveId(i)},serial=${disk.serial}${identity(disk)},bootindex=${i + 1}`,
    ]),
  ];
}

/** Zeros stay holes: the first resync of an array writes a whole disk of them. */
const backing = ({ file, discardWrites, changes, writeLimit }: LabDisk): string =>
  [
    `format=${changes === undefined ? 'raw' : 'qcow2'}`,
    'cache=unsafe,aio=threads,discard=unmap,detect-zeroes=unmap',
    ...(discardWrites === true ? ['snapshot=on'] : []),
    ...(writeLimit === undefined ? [] : [`throttling.bps-write=${writeLimit}`]),
    `file=${optionValue(changes ?? file)}`,
  ].join(',');

/** What the content of the disk at this place is called towards QEMU. */
export const driveId = (index: number): string => `disk${index}`;

/** What the disk itself is called. */
export const scsiDiskId = (index: number): string => `scsi${index}`;

const SCSI_BUSES = ['scsi', 'lsi', 'pvscsi'] as const;
type ScsiBus = (typeof SCSI_BUSES)[number];

/** LSI's older SAS1068 is there too, but Linux's mptsas finds no disk on it (QEMU 7.2, Linux 6.1). */
const CONTROLLER: Readonly<Record<ScsiBus, string>> = {
  scsi: 'virtio-scsi-pci',
  lsi: 'megasas',
  pvscsi: 'pvscsi',
};

export const isScsi = (bus: DiskBus): bus is ScsiBus => SCSI_BUSES.some((each) => each === bus);

function diskDevice(bus: DiskBus, index: number): string {
  // Named, because it is the one that can be pulled out of a running machine.
  if (isScsi(bus)) return `scsi-hd,id=${scsiDiskId(index)},bus=${bus}.0,scsi-id=${index}`;
  if (bus === 'sata') return `ide-hd,bus=ide.${index}`;
  return bus === 'nvme' ? 'nvme' : 'virtio-blk-pci';
}

/** Revolutions a minute of a disk that spins, and the number by which ATA says that one does not. */
const ROTATION = { spinning: 7200, solid: 1 } as const;

function identity({ bus, model, wwn, rotational }: LabDisk): string {
  const properties = [
    model === undefined ? [] : `${isScsi(bus) ? 'product' : 'model'}=${optionValue(model)}`,
    wwn === undefined ? [] : `wwn=${wwn}`,
    rotational === undefined ? [] : `rotation_rate=${rotational ? ROTATION.spinning : ROTATION.solid}`,
  ].flat();
  return properties.map((property) => `,${property}`).join('');
}

/** In QEMU's option lists a comma inside a value is doubled. */
const optionValue = (value: string): string => value.replaceAll(',', ',,');
