/** Remasters BASE into DIR as whoever runs this, and prints the result's SHA-256: `node --import tsx … BASE DIR`. */
import { remasterBase } from './remastered.ts';

const [base = '', dir = ''] = process.argv.slice(2);
const { sha256 } = await remasterBase(dir, base);
process.stdout.write(`${process.geteuid?.()} ${sha256}\n`);
