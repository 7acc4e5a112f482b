/**
 * Signatures of UEFI programs (Microsoft, "Windows Authenticode Portable Executable Signature Format", 2008): whether
 * the program is still what was signed, and by whom. Whether a firmware trusts the signer is the firmware's to say.
 */
import { createHash, verify, X509Certificate } from 'node:crypto';
import { DER, derAt, derElements, hexOf } from './der.ts';
import { type PeProgram, parsePe } from './pe.ts';

export interface ProgramSignatures {
  /** SHA-256 (hex) over what signatures cover: the same as long as the program is, signed or not. */
  readonly digest: string;
  readonly signatures: readonly ProgramSignature[];
}

export interface ProgramSignature {
  /** Common name of the signing certificate. */
  readonly signer: string;
  /** The program's digest is the one that was signed, and the signature over it is right. */
  readonly intact: boolean;
}

const DIGESTS = new Map([
  ['608648016503040201', 'sha256'],
  ['608648016503040202', 'sha384'],
  ['608648016503040203', 'sha512'],
  ['2b0e03021a', 'sha1'],
]);
const MESSAGE_DIGEST = '2a864886f70d010904';
const PKCS_SIGNED_DATA = 2;

/** Undefined for what is no UEFI program. */
export function readSignatures(program: Uint8Array): ProgramSignatures | undefined {
  const pe = parsePe(program);
  if (pe === undefined) return undefined;
  return {
    digest: hexOf(digestOf(program, pe, 'sha256')),
    signatures: [...certificatesOf(program, pe)].map((data) => readSignature(program, pe, data)),
  };
}

function digestOf(program: Uint8Array, pe: PeProgram, algorithm: string): Uint8Array {
  const end = pe.certificates?.offset ?? program.length;
  return createHash(algorithm)
    .update(program.subarray(0, pe.checksumAt))
    .update(program.subarray(pe.checksumAt + 4, pe.certificatesAt))
    .update(program.subarray(pe.certificatesAt + 8, end))
    .digest();
}

/** PKCS #7 data, one after the other on multiples of 8 bytes. */
function* certificatesOf(program: Uint8Array, { certificates }: PeProgram): Generator<Uint8Array> {
  if (certificates === undefined) return;
  const { offset, bytes } = certificates;
  const table = Buffer.from(program.subarray(offset, offset + bytes));
  for (let at = 0; at + 8 <= table.length; ) {
    const length = table.readUInt32LE(at);
    if (length < 8) return;
    if (table.readUInt16LE(at + 6) === PKCS_SIGNED_DATA) yield table.subarray(at + 8, at + length);
    at += Math.ceil(length / 8) * 8;
  }
}

/** ContentInfo → SignedData { version, digestAlgorithms, content, [0] certificates, …, signerInfos } (RFC 2315). */
function readSignature(program: Uint8Array, pe: PeProgram, data: Uint8Array): ProgramSignature {
  const parts = derElements(derAt(data, 0, 1, 0)?.content ?? new Uint8Array());
  const content = derAt(parts[2]?.content ?? new Uint8Array(), 1, 0);
  const certificates = derElements(parts.find(({ tag }) => tag === DER.context0)?.content ?? new Uint8Array())
    .map(({ whole }) => certificateOf(whole))
    .filter((each) => each !== undefined);
  const info = derAt(parts.findLast(({ tag }) => tag === DER.set)?.content ?? new Uint8Array(), 0);
  const signer = readSigner(info?.content ?? new Uint8Array());
  const certificate = certificates.find(({ serialNumber }) => sameNumber(serialNumber, signer.serial));
  const intact =
    content !== undefined &&
    certificate !== undefined &&
    signsDigest(program, pe, content.content) &&
    signsContent(signer, content.content, certificate);
  return { signer: commonName(certificate), intact };
}

/** SpcIndirectDataContent { data, DigestInfo { algorithm, digest } }. */
function signsDigest(program: Uint8Array, pe: PeProgram, content: Uint8Array): boolean {
  const algorithm = DIGESTS.get(hexOf(derAt(content, 1, 0, 0)?.content));
  return (
    algorithm !== undefined &&
    hexOf(digestOf(program, pe, algorithm)) === hexOf(derAt(content, 1, 1)?.content)
  );
}

interface Signer {
  readonly serial: string;
  readonly algorithm: string | undefined;
  /** Attributes that were signed, as the set that the signature is over. */
  readonly attributes: Uint8Array | undefined;
  readonly signature: Uint8Array | undefined;
}

/** SignerInfo { version, issuer and serial, digest algorithm, [0] attributes, algorithm, signature }. */
function readSigner(info: Uint8Array): Signer {
  const parts = derElements(info);
  const attributes = parts.find(({ tag }) => tag === DER.context0)?.whole;
  const set = attributes === undefined ? undefined : Uint8Array.from(attributes);
  // What is signed is the set as such, not the place it has here.
  set?.fill(DER.set, 0, 1);
  return {
    serial: hexOf(derAt(parts[1]?.content ?? new Uint8Array(), 1)?.content),
    algorithm: DIGESTS.get(hexOf(derAt(parts[2]?.content ?? new Uint8Array(), 0)?.content)),
    attributes: set,
    signature: parts.find(({ tag }) => tag === DER.octets)?.content,
  };
}

function signsContent(signer: Signer, content: Uint8Array, certificate: X509Certificate): boolean {
  const { algorithm, attributes, signature } = signer;
  if (algorithm === undefined || attributes === undefined || signature === undefined) return false;
  const stated = derElements(derAt(attributes, 0)?.content ?? new Uint8Array())
    .map(({ content: pair }) => derElements(pair))
    .find(([type]) => hexOf(type?.content) === MESSAGE_DIGEST);
  const digest = derAt(stated?.[1]?.content ?? new Uint8Array(), 0)?.content;
  if (hexOf(digest) !== createHash(algorithm).update(content).digest('hex')) return false;
  return verify(algorithm, attributes, certificate.publicKey, signature);
}

function certificateOf(der: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(Buffer.from(der));
  } catch {
    return undefined;
  }
}

const sameNumber = (a: string, b: string): boolean => trimmed(a) === trimmed(b);
const trimmed = (hex: string): string => hex.toLowerCase().replace(/^0+/, '');

const commonName = (certificate: X509Certificate | undefined): string =>
  /^CN=(.*)$/m.exec(certificate?.subject ?? '')?.[1] ?? 'an unknown signer';
