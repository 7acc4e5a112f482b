/** Disk images of proofs: copies, disks of other people, comparisons. */
import { open } from 'node:fs/promises';
import type { Exec } from '../../engine/command.ts';
import type { Image } from '../disks.ts';

/** Holes stay holes. */
export async function copyImage(exec: Exec, from: string, to: string): Promise<void> {
  await exec({
    file: 'cp',
    args: ['--sparse=always', '--reflink=auto', from, to],
    effect: 'write',
    timeoutMs: 600_000,
  });
}

/** Somebody's disk: a file system over all of it. */
export async function writeForeign(exec: Exec, file: string): Promise<void> {
  await exec({ file: 'mke2fs', args: ['-q', '-F', '-t', 'ext4', '-L', 'SOMEBODYS', file], effect: 'write' });
}

/**
 * Where two images differ; undefined when they do not. qemu-img passes over holes on both sides, so gigabytes of
 * nothing cost nothing.
 */
export async function difference(exec: Exec, one: Image, other: Image): Promise<string | undefined> {
  const { exitCode, stdout } = await exec({
    file: 'qemu-img',
    args: ['compare', '-f', one.format, '-F', other.format, one.file, other.file],
    effect: 'read',
    accept: [0, 1],
    timeoutMs: 600_000,
  });
  return exitCode === 0 ? undefined : stdout.trim();
}

/** Fills a part of a raw image. In bytes. */
export async function fillImage(file: string, start: number, length: number, value: number): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.write(Buffer.alloc(length, value), 0, length, start);
  } finally {
    await handle.close();
  }
}
