/** Disks that only say that they were booted, on ttyS0, and stop there. */
import { writeFile } from 'node:fs/promises';
import type { Exec } from '../../src/engine/command.ts';

const MIB = 1024 * 1024;
const SECTOR = 512;

/** A disk whose boot sector prints the text (at most 400 ASCII characters). */
export async function sayingBiosDisk(file: string, text: string): Promise<void> {
  const disk = Buffer.alloc(MIB);
  // mov si, 7c00h + 20; next: lodsb; test al, al; jz halt; mov dx, 3f8h; out dx, al; jmp next; halt: hlt; jmp halt
  const code = [
    ...[0x31, 0xc0, 0x8e, 0xd8, 0xbe, 0x20, 0x7c],
    ...[0xac, 0x84, 0xc0, 0x74, 0x06, 0xba, 0xf8, 0x03, 0xee, 0xeb, 0xf5],
    ...[0xf4, 0xeb, 0xfd],
  ];
  disk.set(code, 0);
  disk.write(`\r\n${text}\r\n\0`, 0x20, 'latin1');
  disk.set([0x55, 0xaa], SECTOR - 2);
  await writeFile(file, disk);
}

/** A data disk: a protective MBR with its signature, and no code before it. */
export async function codelessDisk(file: string, exec: Exec): Promise<void> {
  await writeFile(file, Buffer.alloc(8 * MIB));
  await exec({ file: 'sfdisk', args: ['--quiet', file], stdin: 'label: gpt\n,,L\n', effect: 'write' });
}

/** A disk with an EFI system partition: Debian's shim and GRUB, whose configuration prints the text. */
export async function sayingEfiDisk(
  file: string,
  text: string,
  loaders: { readonly shim: string; readonly grubEfi: string },
  exec: Exec,
): Promise<void> {
  const espMiB = 16;
  await writeFile(file, Buffer.alloc((espMiB + 2) * MIB));
  await exec({
    file: 'sfdisk',
    args: ['--quiet', file],
    stdin: `label: gpt\nstart=2048,size=${(espMiB * MIB) / SECTOR},type=U\n`,
    effect: 'write',
  });
  const config = `${file}.cfg`;
  await writeFile(
    config,
    `serial --unit=0 --speed=115200\nterminal_output console serial\necho '${text}'\nsleep 600\n`,
  );
  const esp = `${file}@@${MIB}`;
  const run = (program: string, ...args: readonly string[]) => exec({ file: program, args, effect: 'write' });
  await run('mkfs.vfat', '--offset', '2048', '-F', '16', file, String((espMiB * MIB) / 1024));
  await run('mmd', '-i', esp, '::/EFI', '::/EFI/BOOT', '::/boot', '::/boot/grub');
  await run('mcopy', '-i', esp, loaders.shim, '::/EFI/BOOT/BOOTX64.EFI');
  await run('mcopy', '-i', esp, loaders.grubEfi, '::/EFI/BOOT/grubx64.efi');
  await run('mcopy', '-i', esp, config, '::/boot/grub/grub.cfg');
}
