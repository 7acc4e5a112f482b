/** The map of an image: what lies where, which partitions cover it, and what each way to boot reads. */
import { scaledWidths } from '../../plan/picture.ts';
import { escapeXml, round, STYLE, shorten, text } from '../../plan/svg-text.ts';
import type { AuditReport, PathReport } from '../audit/audit.ts';
import { BOOT_PATHS } from '../audit/types.ts';
import type { ImageMap, ImageRegion } from './map.ts';

/** All lengths in CSS pixels. */
const WIDTH = 1200;
const MARGIN = 32;
const BAR = { top: 118, height: 56 } as const;
const PARTITIONS = { top: BAR.top + BAR.height + 10, height: 22 } as const;
const PATHS_TOP = PARTITIONS.top + 120;
const PATH_HEIGHT = 70;
const BOX = 52;
const TRACK = WIDTH - 2 * MARGIN;
/** Narrower ones could not be seen. */
const SMALLEST = 12;
/** Wide enough for a few characters. */
const LABELLED = 34;
/** Average width of a character of the small text. */
const CHARACTER = 6.4;

const COLOURS: Readonly<Record<ImageRegion['kind'], string>> = {
  tables: '#7b8794',
  directories: '#8d62b3',
  files: '#3869b4',
  efi: '#d98e2b',
  unused: '#e1e6ec',
};
const LEGEND: readonly (readonly [ImageRegion['kind'], string])[] = [
  ['tables', 'partition tables'],
  ['directories', 'descriptors and folders'],
  ['files', 'files'],
  ['efi', 'EFI images (FAT)'],
  ['unused', 'unused'],
];
const VERDICTS = { ok: '#3f9464', warning: '#d98e2b', failure: '#c8445c' } as const;

/** A self-contained SVG document: no fonts, scripts or images from elsewhere. */
export function imageMapSvg(report: AuditReport): string {
  const { map, paths, file, volumeId, bytes, verdict } = report;
  const height = PATHS_TOP + Math.max(1, paths.length) * PATH_HEIGHT + MARGIN;
  const title = `Map of ${file.replace(/.*\//, '')}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeXml(title)}">
  <title>${escapeXml(title)}</title>
  <style>${STYLE}
  </style>
  <rect width="${WIDTH}" height="${height}" fill="#f4f6f9"/>
  ${text(MARGIN, 52, 'title', title)}
  ${text(MARGIN, 78, 'quiet', [`volume ${volumeId}`, sizeText(bytes), 'not to scale where pieces are small'].join('   ·   '))}
  <circle cx="${WIDTH - MARGIN - 8}" cy="46" r="8" fill="${VERDICTS[verdict]}"/>
  ${text(WIDTH - MARGIN - 24, 51, 'row', verdict === 'failure' ? 'not sound' : 'sound', 'end')}
${bar(map)}
${legend()}
${paths.map((path, index) => pathRow(path, PATHS_TOP + index * PATH_HEIGHT)).join('\n')}
</svg>
`;
}

function bar({ regions, partitions }: ImageMap): string {
  const widths = scaledWidths(
    regions.map(({ bytes }) => bytes),
    regions.map(() => SMALLEST),
    TRACK,
  );
  const lefts = widths.map((_, i) => MARGIN + widths.slice(0, i).reduce((sum, width) => sum + width, 0));
  /** Pixels from the left for a byte of the image. */
  const place = (byte: number): number => {
    const index = regions.findLastIndex(({ start }) => start <= byte);
    const region = regions[index];
    if (region === undefined) return MARGIN;
    const part = Math.min(1, (byte - region.start) / Math.max(1, region.bytes));
    return (lefts[index] ?? MARGIN) + part * (widths[index] ?? 0);
  };
  const pieces = regions.map((region, i) => piece(region, lefts[i] ?? MARGIN, widths[i] ?? 0));
  const below = partitions.map(({ name, start, bytes }, i) => {
    const [left, right] = [place(start), place(start + bytes)];
    const y = PARTITIONS.top + (i % 2) * (PARTITIONS.height + 4);
    return `  <rect x="${round(left)}" y="${y}" width="${round(Math.max(3, right - left))}" height="${PARTITIONS.height}" rx="3" fill="none" stroke="#5d6b7a"/>
  ${text(round(left + 6), y + 15, 'small', right - left < LABELLED ? '' : name)}`;
  });
  return [...pieces, ...below].join('\n');
}

function piece({ kind, name, bytes }: ImageRegion, left: number, width: number): string {
  const label = width < LABELLED ? '' : shorten(name, Math.floor((width - 12) / (CHARACTER + 0.8)));
  const tip = `${name === '' ? 'unused' : name}: ${sizeText(bytes)}`;
  return `  <g><title>${escapeXml(tip)}</title><rect x="${round(left)}" y="${BAR.top}" width="${round(Math.max(1, width - 1))}" height="${BAR.height}" fill="${COLOURS[kind]}"/>
  ${text(round(left + 7), BAR.top + 25, 'on', label)}${text(round(left + 7), BAR.top + 43, 'on-small', label === '' || kind === 'unused' ? '' : shorten(sizeText(bytes), Math.floor((width - 12) / CHARACTER)))}</g>`;
}

function legend(): string {
  return LEGEND.map(([kind, name], i) => {
    const x = MARGIN + i * 190;
    const y = PARTITIONS.top + 66;
    return `  <rect x="${x}" y="${y}" width="12" height="12" rx="2" fill="${COLOURS[kind]}"/>${text(x + 18, y + 11, 'small', name)}`;
  }).join('\n');
}

/** From the firmware to the entry, one box after the other. */
function pathRow({ id, loader, configs, defaultEntry }: PathReport, top: number): string {
  const steps = [
    ['FIRMWARE', BOOT_PATHS[id]],
    ['STARTS', loader],
    ['READS', configs[0] ?? 'no configuration'],
    ['TIME-OUT TAKES', defaultEntry ?? 'nothing'],
  ] as const;
  const gap = 34;
  const width = (TRACK - gap * (steps.length - 1)) / steps.length;
  return steps
    .map(([head, content], i) => {
      const x = MARGIN + i * (width + gap);
      const arrow = `<path d="M ${round(x + width + 6)} ${top + BOX / 2} h ${gap - 16} m -6 -5 l 6 5 l -6 5" fill="none" stroke="#7b8794" stroke-width="1.5"/>`;
      return `  <g><title>${escapeXml(content)}</title><rect x="${round(x)}" y="${top}" width="${round(width)}" height="${BOX}" rx="6" fill="#fff" stroke="#d5dbe3"/>
  ${text(round(x + 12), top + 20, 'head', head)}
  ${text(round(x + 12), top + 39, 'mono', shorten(content, Math.floor((width - 24) / 7.3)))}</g>${i === steps.length - 1 ? '' : arrow}`;
    })
    .join('\n');
}

const sizeText = (bytes: number): string =>
  bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e6
      ? `${(bytes / 1e6).toFixed(1)} MB`
      : `${Math.ceil(bytes / 1e3)} kB`;
