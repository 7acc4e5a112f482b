/** GUIDs as firmware stores them: the first three fields little-endian, the rest as it is. */

/** Lower-case text of the 16 bytes at `offset`, e.g. `c12a7328-f81f-11d2-ba4b-00a0c93ec93b`. */
export function guidAt(bytes: Uint8Array, offset: number): string {
  const hex = (...positions: number[]): string =>
    positions.map((i) => (bytes[offset + i] ?? 0).toString(16).padStart(2, '0')).join('');
  return [hex(3, 2, 1, 0), hex(5, 4), hex(7, 6), hex(8, 9), hex(10, 11, 12, 13, 14, 15)].join('-');
}

/** Lower-case text of a UUID stored byte by byte, as file systems do. */
export function uuidAt(bytes: Uint8Array, offset: number): string {
  const hex = Buffer.from(bytes.subarray(offset, offset + 16)).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
