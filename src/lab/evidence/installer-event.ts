/**
 * What the installer tells on its serial line where it is asked to (`slipway.events=1`); see
 * docs/installer-configuration.md.
 */

export type InstallerEvent =
  | { readonly kind: 'said'; readonly line: string }
  | { readonly kind: 'step'; readonly id: string; readonly state: string };

/** Undefined for anything else, and for a line that the kernel has written into. */
export function parseEvent(text: string): InstallerEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // something else in braces, or cut off
  }
  if (typeof value !== 'object' || value === null || !('event' in value)) return undefined;
  if (value.event === 'said' && 'line' in value && typeof value.line === 'string') {
    return { kind: 'said', line: value.line };
  }
  if (value.event !== 'step' || !('id' in value) || !('state' in value)) return undefined;
  const { id, state } = value;
  return typeof id === 'string' && typeof state === 'string' ? { kind: 'step', id, state } : undefined;
}
