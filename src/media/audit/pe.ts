/** Programs for UEFI: the Portable Executable format (Microsoft's PE/COFF specification, revision 11). */

export interface PeProgram {
  /** Which machine it runs on; `unknown` for all but these. */
  readonly machine: 'x64' | 'ia32' | 'aa64' | 'riscv64' | 'unknown';
  /** Where the checksum lies, four bytes that no signature covers. */
  readonly checksumAt: number;
  /** Where the place of the signatures is noted, eight bytes that none covers. */
  readonly certificatesAt: number;
  /** Where the signatures lie, at the end of the file; undefined when there are none. */
  readonly certificates: { readonly offset: number; readonly bytes: number } | undefined;
  readonly sections: readonly { readonly name: string; readonly offset: number; readonly bytes: number }[];
}

const MACHINES = new Map<number, PeProgram['machine']>([
  [0x8664, 'x64'],
  [0x014c, 'ia32'],
  [0xaa64, 'aa64'],
  [0x5064, 'riscv64'],
]);
const FILE_HEADER = 24;
const SECTION_HEADER = 40;
const OPTIONAL_MAGIC = { pe32: 0x10b, pe32plus: 0x20b } as const;
/** The entry for certificates in the table of data directories. */
const CERTIFICATE_DIRECTORY = 4;

/** Undefined when the bytes are no such program. */
export function parsePe(program: Uint8Array): PeProgram | undefined {
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
  if (bytes.length < 64 || bytes.toString('latin1', 0, 2) !== 'MZ') return undefined;
  const header = bytes.readUInt32LE(0x3c);
  if (header + FILE_HEADER + 2 > bytes.length) return undefined;
  if (bytes.toString('latin1', header, header + 4) !== 'PE\0\0') return undefined;
  const optional = header + FILE_HEADER;
  const magic = bytes.readUInt16LE(optional);
  if (magic !== OPTIONAL_MAGIC.pe32 && magic !== OPTIONAL_MAGIC.pe32plus) return undefined;
  const directories = optional + (magic === OPTIONAL_MAGIC.pe32 ? 96 : 112);
  const certificatesAt = directories + CERTIFICATE_DIRECTORY * 8;
  const sectionsAt = optional + bytes.readUInt16LE(header + 20);
  const count = bytes.readUInt16LE(header + 6);
  if (Math.max(certificatesAt + 8, sectionsAt + count * SECTION_HEADER) > bytes.length) return undefined;
  const certificates = {
    offset: bytes.readUInt32LE(certificatesAt),
    bytes: bytes.readUInt32LE(certificatesAt + 4),
  };
  return {
    machine: MACHINES.get(bytes.readUInt16LE(header + 4)) ?? 'unknown',
    checksumAt: optional + 64,
    certificatesAt,
    certificates: certificates.bytes === 0 ? undefined : certificates,
    sections: Array.from({ length: count }, (_, index) => {
      const at = sectionsAt + index * SECTION_HEADER;
      return {
        name: bytes.toString('latin1', at, at + 8).replace(/\0.*$/s, ''),
        bytes: bytes.readUInt32LE(at + 16),
        offset: bytes.readUInt32LE(at + 20),
      };
    }),
  };
}

/** The bytes of a section; undefined when there is none of that name. */
export function peSection(program: Uint8Array, name: string): Uint8Array | undefined {
  const section = parsePe(program)?.sections.find((each) => each.name === name);
  return section === undefined ? undefined : program.subarray(section.offset, section.offset + section.bytes);
}
