/** Text in pictures: one set of styles, and characters that mean something to XML. */

export const STYLE = `
    text { font-family: 'Inter', 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif; fill: #1c2733 }
    .title { font-size: 26px; font-weight: 700 }
    .name { font-size: 19px; font-weight: 700 }
    .quiet { font-size: 13px; fill: #5d6b7a }
    .small { font-size: 11px; fill: #5d6b7a }
    .row { font-size: 13px }
    .strong { font-weight: 600 }
    .on { font-size: 13px; font-weight: 600; fill: #fff }
    .on-small { font-size: 11px; fill: #fff; fill-opacity: .85 }
    .mono { font-family: 'JetBrains Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace; font-size: 12px }
    .head { font-size: 11px; letter-spacing: .6px; fill: #7b8794 }`;

export function text(x: number, y: number, style: string, content: string, anchor?: 'end'): string {
  if (content === '') return '';
  const at = anchor === undefined ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${x}" y="${y}" class="${style}"${at}>${escapeXml(content)}</text>`;
}

export function escapeXml(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

export function shorten(content: string, length: number): string {
  return content.length <= length ? content : `${content.slice(0, Math.max(1, length - 1))}…`;
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
