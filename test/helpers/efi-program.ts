/** Programs for UEFI that do nothing: a header, and what GRUB builds into its images. */

const HEADER_BYTES = 512;
const PE_AT = 0x80;
const OPTIONAL_BYTES = 240;
const MODULES_BYTES = 1024;

/** A PE32+ for x64 of so many bytes; with a `prefix`, a GRUB that looks for its configuration there. */
export function efiProgram(bytes: number, prefix?: string): Buffer {
  const program = Buffer.alloc(Math.max(bytes, HEADER_BYTES + MODULES_BYTES), 'stand-in ');
  program.fill(0, 0, HEADER_BYTES);
  program.write('MZ', 0, 'latin1');
  program.writeUInt32LE(PE_AT, 0x3c);
  program.write('PE\0\0', PE_AT, 'latin1');
  program.writeUInt16LE(0x8664, PE_AT + 4);
  program.writeUInt16LE(prefix === undefined ? 0 : 1, PE_AT + 6);
  program.writeUInt16LE(OPTIONAL_BYTES, PE_AT + 20);
  program.writeUInt16LE(0x20b, PE_AT + 24);
  if (prefix === undefined) return program;
  const section = PE_AT + 24 + OPTIONAL_BYTES;
  program.write('mods', section, 'latin1');
  program.writeUInt32LE(MODULES_BYTES, section + 16);
  program.writeUInt32LE(HEADER_BYTES, section + 20);
  grubModules(prefix).copy(program, HEADER_BYTES);
  return program;
}

/** A header for 64 bits and one object, the prefix (type 3). */
function grubModules(prefix: string): Buffer {
  const modules = Buffer.alloc(MODULES_BYTES);
  const object = Buffer.alloc(8 + Math.ceil((prefix.length + 1) / 4) * 4);
  object.writeUInt32LE(3, 0);
  object.writeUInt32LE(object.length, 4);
  object.write(prefix, 8, 'latin1');
  modules.write('mimg', 0, 'latin1');
  modules.writeBigUInt64LE(24n, 8);
  modules.writeBigUInt64LE(BigInt(24 + object.length), 16);
  object.copy(modules, 24);
  return modules;
}
