/** The lines that other programs wait for, word by word. They are printed on every console of the machine. */
import type { FailureClass } from './failure.ts';

export const installedLine = (node: string): string => `slipway: installed ${node}`;

export const completeLine = (node: string): string => `slipway: complete ${node}`;

/** One line whatever the message: line breaks in it become spaces. */
export function failedLine(node: string, failureClass: FailureClass, step: string, message: string): string {
  return `slipway: failed ${node}: ${failureClass}: ${step}: ${message.trim().replace(/\s*[\r\n]+\s*/g, ' ')}`;
}
