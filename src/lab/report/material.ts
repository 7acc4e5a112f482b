/** What a report shows of the files beside its `run.json`: consoles and screenshots. */
import { open, readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { Run } from '../evidence/types.ts';

/** Bytes of a console that are read: more than is shown. */
const TAIL_BYTES = 64 * 1024;
/** Bytes of one picture, and of all: a page of its own has to open on a phone. */
const PICTURE_BYTES = 512 * 1024;
const ALL_PICTURES_BYTES = 16 * 1024 * 1024;

export interface Picture {
  /** Base64. */
  readonly png: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** By the name that the run gives the file; a text says why there is nothing to show. */
export interface Material {
  readonly consoles: ReadonlyMap<string, string>;
  readonly pictures: ReadonlyMap<string, Picture | string>;
}

export const NO_MATERIAL: Material = { consoles: new Map(), pictures: new Map() };

/** Reads what the run names below `dir`. A file that is missing, or lies elsewhere, is no reason to show nothing. */
export async function gatherMaterial(run: Run, dir: string): Promise<Material> {
  const consoles = new Map<string, string>();
  const named = [...run.nodes, ...run.cells.filter(({ excerpt }) => excerpt === undefined)];
  for (const file of new Set(named.flatMap(({ console }) => console ?? []))) {
    const text = await readTail(dir, file);
    if (text !== undefined) consoles.set(file, text);
  }
  const pictures = new Map<string, Picture | string>();
  let room = ALL_PICTURES_BYTES;
  for (const file of new Set(run.cells.flatMap(({ screenshot }) => screenshot ?? []))) {
    const picture = await readPicture(dir, file, room);
    pictures.set(file, picture);
    if (typeof picture !== 'string') room -= picture.png.length;
  }
  return { consoles, pictures };
}

async function readTail(dir: string, file: string): Promise<string | undefined> {
  const path = await pathBelow(dir, file);
  if (path === undefined) return undefined;
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function readPicture(dir: string, file: string, room: number): Promise<Picture | string> {
  const path = await pathBelow(dir, file);
  if (path === undefined) return `${file} is not there`;
  const { size } = await stat(path);
  if (size > PICTURE_BYTES) return `${file} has ${Math.ceil(size / 1024)} KiB: too large for this page`;
  if (size * (4 / 3) > room) return `${file}: this page has enough pictures`;
  const content = await readFile(path);
  const shape = pngSize(content);
  if (shape === undefined) return `${file} is not a PNG image`;
  return { png: content.toString('base64'), ...shape };
}

/** The file's real path; undefined unless it is a file below `dir`. */
async function pathBelow(dir: string, file: string): Promise<string | undefined> {
  try {
    const path = await realpath(join(dir, file));
    const inside = relative(await realpath(resolve(dir)), path);
    if (inside.startsWith('..') || isAbsolute(inside)) return undefined;
    return (await stat(path)).isFile() ? path : undefined;
  } catch {
    return undefined; // not there, or not for us
  }
}

/** Width and height from the first chunk (PNG specification, 5.2 and 11.2.2); undefined when this is no PNG. */
function pngSize(content: Buffer): { readonly width: number; readonly height: number } | undefined {
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  if (content.length < 24 || !content.subarray(0, 8).equals(signature)) return undefined;
  return { width: content.readUInt32BE(16), height: content.readUInt32BE(20) };
}
