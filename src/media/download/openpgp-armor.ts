/**
 * The bytes inside OpenPGP's ASCII armor (RFC 4880, 6.2), which gpgv wants for its keyrings. Bytes that are not armored
 * are answered as they are. The checksum line is not looked at: whoever reads the bytes checks them better.
 */
export function dearmor(data: Buffer): Buffer {
  const text = data.toString('latin1');
  const block = /-----BEGIN PGP [A-Z ]+-----\r?\n([\s\S]*?)-----END PGP /.exec(text)?.[1];
  if (block === undefined) return data;
  // Armor headers such as `Comment:` end with an empty line.
  const body = block.replace(/^(?:[^\n]*: [^\n]*\r?\n)*\r?\n/, '');
  return Buffer.from(body.replace(/^=[A-Za-z0-9+/]{4}\s*$/m, ''), 'base64');
}
