/** QEMU's command line for a machine: pure, so that it can be asserted whole. */
import type { DiskBus, LabDisk, LabFirmware, LabMachineSpec } from './engine.ts';

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
    ...mediumArgs(spec),
    ...volumeArgs(spec),
    ...diskArgs(spec),
    ...spec.nics.flatMap(({ mac, reach }, i) => [
      ...['-netdev', `user,id=net${i},restrict=${reach === 'host' ? 'off' : 'on'}`],
      ...['-device', `virtio-net-pci,netdev=net${i},mac=${mac},romfile=`],
    ]),
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
    ...['-device', 'qemu-xhci,id=xhci'],
    ...['-device', `usb-storage,bus=xhci.0,drive=medium,removable=on${boot}`],
  ];
}

/** The medium has the last SATA port, these the ports before it. */
const volumeArgs = ({ volumes = [] }: LabMachineSpec): readonly string[] =>
  volumes.flatMap((file, i) => [
    ...['-drive', `if=none,id=volume${i},format=raw,media=cdrom,readonly=on,file=${optionValue(file)}`],
    ...['-device', `ide-cd,bus=ide.${4 - i},drive=volume${i}`],
  ]);

function diskArgs({ disks }: LabMachineSpec): readonly string[] {
  const controller = disks.some(({ bus }) => bus === 'scsi') ? ['-device', 'virtio-scsi-pci,id=scsi'] : [];
  return [
    ...controller,
    ...disks.flatMap(({ bus, serial, ...disk }, i) => [
      ...['-drive', `if=none,id=disk${i},${backing(disk)}`],
      ...['-device', `${DISK_DEVICE[bus](i)},drive=disk${i},serial=${serial},bootindex=${i + 1}`],
    ]),
  ];
}

/** Zeros stay holes: the first resync of an array writes a whole disk of them. */
const backing = ({ file, discardWrites }: Pick<LabDisk, 'file' | 'discardWrites'>): string =>
  [
    'format=raw,cache=unsafe,aio=threads,discard=unmap,detect-zeroes=unmap',
    ...(discardWrites === true ? ['snapshot=on'] : []),
    `file=${optionValue(file)}`,
  ].join(',');

/** What the disk at this place is called towards QEMU. */
export const scsiDiskId = (index: number): string => `scsi${index}`;

const DISK_DEVICE: Readonly<Record<DiskBus, (index: number) => string>> = {
  virtio: () => 'virtio-blk-pci',
  sata: (index) => `ide-hd,bus=ide.${index}`,
  // Named, because it is the one that can be pulled out of a running machine.
  scsi: (index) => `scsi-hd,id=${scsiDiskId(index)},bus=scsi.0,scsi-id=${index}`,
  nvme: () => 'nvme',
};

/** In QEMU's option lists a comma inside a value is doubled. */
const optionValue = (value: string): string => value.replaceAll(',', ',,');
