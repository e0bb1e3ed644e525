/** Tables in Markdown. */

/** Columns that are mostly figures are aligned right. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = header.map((_, column) => {
    const cells = rows.map((row) => row[column]!).filter((cell) => cell !== '');
    return cells.filter(isFigure).length * 2 > cells.length ? '---:' : '---';
  });
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

function isFigure(cell: string): boolean {
  return /^\$?[\d.,]+(?![\d-])/.test(cell);
}

/** A table that formatTable() has made: the widths of its columns are those of the second line. */
export function markdownOf(table: string): string {
  const [, rule, ...rest] = table.split('\n');
  const lines = [table.split('\n')[0]!, ...rest];
  const columns = [...rule!.matchAll(/-+/g)].map(
    ({ 0: dashes, index }) => [index, index + dashes.length] as const,
  );
  const cells = lines.map((line) => columns.map(([start, end]) => line.slice(start, end).trim()));
  return markdownTable(cells[0]!, cells.slice(1));
}
