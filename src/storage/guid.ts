/** GUIDs as firmware stores them: the first three fields little-endian, the rest as it is. */

const LITTLE_ENDIAN = [
  [0, 4],
  [4, 6],
  [6, 8],
] as const;

/** Lower-case text of the 16 bytes at `offset`, e.g. `c12a7328-f81f-11d2-ba4b-00a0c93ec93b`. */
export function guidAt(bytes: Uint8Array, offset: number): string {
  const guid = Buffer.from(bytes.subarray(offset, offset + 16));
  for (const [start, end] of LITTLE_ENDIAN) guid.subarray(start, end).reverse();
  return uuidAt(guid, 0);
}

/** Lower-case text of a UUID stored byte by byte, as file systems do. */
export function uuidAt(bytes: Uint8Array, offset: number): string {
  const hex = Buffer.from(bytes.subarray(offset, offset + 16)).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
