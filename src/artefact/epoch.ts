/**
 * The one time stamp of everything built, in seconds since the epoch: `SOURCE_DATE_EPOCH` when the environment gives
 * one, as reproducible-builds.org defines it, else a fixed day. A build's own clock would make every result different.
 */
export function sourceDateEpoch(env: NodeJS.ProcessEnv = process.env): number {
  const given = env['SOURCE_DATE_EPOCH'];
  return given !== undefined && /^\d{1,12}$/.test(given) ? Number(given) : FIXED_DAY;
}

/** 2026-01-01T00:00:00Z. */
const FIXED_DAY = 1_767_225_600;
