/**
 * What a proof needs of a virtual machine, whoever runs it: power, disks, a serial console to read and type on.
 */
import { FailedError } from '../errors/exit.ts';

/** `uefi-secure` has Microsoft's keys enrolled and Secure Boot on. */
export type LabFirmware = 'bios' | 'uefi' | 'uefi-secure';
/** `scsi` is virtio's, `lsi` LSI's MegaRAID SAS of many servers, `pvscsi` the controller of VMware's machines. */
export type DiskBus = 'virtio' | 'sata' | 'scsi' | 'lsi' | 'pvscsi' | 'nvme';

export interface LabDisk {
  /** Raw image, absolute path. */
  readonly file: string;
  readonly bus: DiskBus;
  /** What the guest sees as the disk's serial number; at most 20 characters. */
  readonly serial: string;
  /** What the guest sees as the model, at most 40 characters; SATA and SCSI only. */
  readonly model?: string;
  /** World Wide Name, `0x` and 16 digits; SATA and SCSI only. */
  readonly wwn?: string;
  /** Spins; SATA and SCSI only. */
  readonly rotational?: boolean;
  /** What the machine writes is forgotten when it ends. */
  readonly discardWrites?: boolean;
  /**
   * What is written goes into this file, in the engine's own format, and `file` stays as it is. Absolute path; made when
   * it is not there.
   */
  readonly changes?: string;
  /** Bytes a second at most that the machine writes to it. */
  readonly writeLimit?: number;
}

export interface LabMedium {
  readonly kind: 'cd' | 'usb';
  /** ISO image, absolute path; attached read-only. */
  readonly file: string;
}

/** A kernel handed to the machine by its engine, past firmware's search and every boot menu. */
export interface LabKernel {
  /** Absolute path. */
  readonly file: string;
  /** Absolute path. */
  readonly initrd: string;
  readonly commandLine: string;
}

export interface LabNic {
  readonly mac: string;
  /** What it reaches: nothing but its own DHCP server, or this computer (10.0.2.2) and all that this one reaches. */
  readonly reach?: 'nothing' | 'host';
  /** An existing tap device that it hangs on instead. */
  readonly tap?: string;
  /** Or a plug of a {@link Wire}: UDP ports of the loopback device. */
  readonly wire?: { readonly hub: number; readonly port: number };
}

/** A file put into a machine's root from outside. */
export interface SeedFile {
  /** Without a leading slash. */
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/** The system of a machine that has no firmware to find one (User-Mode Linux). */
export type LabRoot =
  | {
      /** A read-only image that many machines may share, with what each changes kept apart. */
      readonly kind: 'overlay';
      /** squashfs, absolute path. */
      readonly squashfs: string;
      /** Image of a file system that keeps the changes, absolute path; made when it is not there. */
      readonly changes: string;
      /** Put in when `changes` is made. */
      readonly seed: readonly SeedFile[];
    }
  | {
      /** What was installed on the disks. */
      readonly kind: 'installed';
      /** Put in at each start. */
      readonly seed?: readonly SeedFile[];
    };

export interface LabMachineSpec {
  readonly name: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly firmware: LabFirmware;
  /** In the order in which the firmware sees them. */
  readonly disks: readonly LabDisk[];
  /** Booted before the disks. */
  readonly medium?: LabMedium;
  /** ISO images in further drives, absolute paths; never booted. At most three, and then no more than two SATA disks. */
  readonly volumes?: readonly string[];
  /** Image of a USB stick that can be written to, absolute path; never booted. */
  readonly stick?: string;
  /** Started instead of whatever the disks and the medium hold. */
  readonly kernel?: LabKernel;
  /** For engines without firmware, which ignore `firmware`, `medium` and `kernel`. */
  readonly root?: LabRoot;
  /** SMBIOS strings of the board (type 11), by which systemd takes credentials; see systemd.system-credentials(7). */
  readonly oemStrings?: readonly string[];
  readonly nics: readonly LabNic[];
  /** Gets everything the serial console prints; overwritten. Absolute path. */
  readonly consoleLog: string;
  /** UEFI's variables, kept from one boot to the next; made when it is not there. Needed unless the firmware is BIOS. */
  readonly efiVars?: string;
  /** What a reboot inside the machine does; `end` counts as power-off. Default `restart`. */
  readonly onReboot?: 'restart' | 'end';
  /** A graphics card, for {@link LabMachine.screenshot}. Costs time under emulation; default none. */
  readonly screen?: boolean;
}

export interface Engine {
  /** Turns the machine on. @throws {LabFailure} when it does not start. */
  start(spec: LabMachineSpec): Promise<LabMachine>;
}

/** A machine that is on, or was. */
export interface LabMachine {
  readonly spec: LabMachineSpec;
  /**
   * The first console line after the last one waited for that matches; a prompt without a line end counts too.
   * @throws {LabFailure} when the time is up, the machine ends, or it says meanwhile that it gave up (and that is not
   * what was waited for), unless failures are expected.
   */
  waitForLine(pattern: RegExp, timeoutMs: number, failures?: 'end-it' | 'expected'): Promise<string>;
  /**
   * Waits until the guest has ended, and says by what: `off`, or a `reset` where a reboot ends the machine.
   * @throws {LabFailure} when the time is up or it ended otherwise.
   */
  waitForPowerOff(timeoutMs: number): Promise<'off' | 'reset'>;
  /** Types on the serial console. */
  type(text: string): void;
  /** Presses keys at once on the keyboard; QEMU's names, for example `1`, `ret`, `ctrl`. */
  press(...keys: readonly string[]): Promise<void>;
  /** Presses the power button. */
  powerButton(): Promise<void>;
  /** Pulls a disk out of the running machine; only those on a SCSI bus can be. */
  unplug(disk: LabDisk): Promise<void>;
  /** Writes what is on the screen as an image: PNG where the name says so, else PPM. */
  screenshot(file: string): Promise<void>;
  /**
   * Keeps the disks as they are at this moment, as a power cut would: what is written from now on goes to `files`, one for
   * each disk in their order, and what went before stays in the files that were written to until now. Absolute paths,
   * made in the engine's own format. Left out by engines that cannot do it.
   */
  freezeDisks?(files: readonly string[]): Promise<void>;
  /** {@link LabDisk.writeLimit} from now on; undefined for none. Left out by engines that cannot do it. */
  limitWrites?(disk: LabDisk, bytesPerSecond: number | undefined): Promise<void>;
  /** Everything printed so far, without terminal control sequences. */
  transcript(): string;
  /** Pulls the plug. Ends exactly what {@link Engine.start} started; fine to call twice. */
  end(): Promise<void>;
}

/** A machine that did not do what was expected, with the last it said. */
export class LabFailure extends FailedError {
  /** What went wrong, without what was printed. */
  readonly reason: string;
  readonly lastLines: readonly string[];

  constructor(machine: string, reason: string, lastLines: readonly string[], consoleLog: string) {
    const said = lastLines.length === 0 ? 'It printed nothing.' : `It last printed:\n${lastLines.join('\n')}`;
    super(`${machine}: ${reason}\n${said}`, `the whole console is in ${consoleLog}`);
    this.name = 'LabFailure';
    this.reason = reason;
    this.lastLines = lastLines;
  }
}
