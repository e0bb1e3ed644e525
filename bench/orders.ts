/**
 * Generates orders of a shop, as JSON Lines or as CSV with a header. There are 4,000 products, by Zipf's law, and ten fields of
 * mixed types. One note in ten holds the delimiter and quotes, and one in 2,000 a line end. Amounts are multiples of a
 * quarter, so that their sums are exact whatever the order of the additions.
 */
import { Random } from './random.ts';
import { zipfRanks } from './zipf.ts';

/** No record of either format is longer. */
const RECORD_BYTES_MAX = 512;
const PRODUCTS = 4_000;
const NEWLINE = 10;
const STATUSES = ['paid', 'paid', 'paid', 'paid', 'shipped', 'shipped', 'returned', 'open'];
const CITIES = ['Auckland', 'Berlin', 'Cape Town', 'Denver', 'Edinburgh', 'Florence', 'Geneva', 'Helsinki'];
const NOTES = ['', '', '', 'leave at the door', 'call before delivery', 'gift wrapping', 'second floor'];
const TAGS = [[], ['new'], ['sale'], ['new', 'gift'], ['sale', 'gift', 'fragile']];

interface Order {
  readonly id: number;
  readonly time: string;
  readonly user: string;
  readonly product: string;
  readonly quantity: number;
  readonly amount: number;
  readonly express: boolean;
  readonly status: string;
  readonly tags: readonly string[];
  readonly city: string;
  readonly note: string;
}

/** Fills a chunk with records and returns their bytes. The last record is padded so that exactly `leftBytes` are written. */
type FillRecords = (chunk: Buffer, leftBytes: number) => number;

export function fillOrdersAsJsonLines(seed: number): FillRecords {
  const orders = orderMaker(seed);
  return fill(
    () => {
      const { city: _, ...order } = orders();
      return JSON.stringify(order.note === '' ? { ...order, note: null } : order);
    },
    { padding: ' ' },
  );
}

/** The city is last and never quoted, so that letters can be appended to it. */
export function fillOrdersAsCsv(seed: number): FillRecords {
  const orders = orderMaker(seed);
  return fill(
    () => {
      const order = orders();
      const start = `${order.id},${order.time},${order.user},${order.product},${order.quantity},${order.amount}`;
      return `${start},${order.express},${order.status},${quoted(order.note)},${order.city}`;
    },
    { header: 'id,time,user,product,quantity,amount,express,status,note,city', padding: 'x' },
  );
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function fill(
  nextRecord: () => string,
  { header, padding }: { header?: string; padding: string },
): FillRecords {
  let isFirst = header !== undefined;
  return (chunk, leftBytes) => {
    const end = Math.min(chunk.length, leftBytes) - 2 * RECORD_BYTES_MAX;
    let at = isFirst ? chunk.write(`${header}\n`) : 0;
    isFirst = false;
    while (at < end) {
      at += chunk.write(nextRecord(), at);
      chunk[at++] = NEWLINE;
    }
    if (leftBytes > chunk.length) return at;
    at += chunk.write(nextRecord(), at);
    chunk.fill(padding, at, leftBytes - 1);
    chunk[leftBytes - 1] = NEWLINE;
    return leftBytes;
  };
}

function orderMaker(seed: number): () => Order {
  const random = new Random(seed);
  const ranks = zipfRanks(PRODUCTS);
  let id = 100_000;
  let timeMs = Date.UTC(2026, 0, 1);

  return () => {
    timeMs += random.below(20) * 100;
    const draw = random.nextInt32() >>> 0;
    const quantity = 1 + (draw & 7);
    return {
      id: id++,
      time: new Date(timeMs).toISOString(),
      user: `u${random.below(1_000_000)}`,
      product: `p${String(ranks[random.below(ranks.length)]!).padStart(4, '0')}`,
      quantity,
      amount: (quantity * (1 + ((draw >>> 3) & 0xfff))) / 4,
      express: (draw >>> 15) % 5 === 0,
      status: STATUSES[(draw >>> 18) & 7]!,
      tags: TAGS[(draw >>> 21) % TAGS.length]!,
      city: CITIES[(draw >>> 24) & 7]!,
      note: noteOf(random),
    };
  };
}

function noteOf(random: Random): string {
  const kind = random.below(2_000);
  if (kind === 0) return 'ring twice,\nthen "wait"';
  if (kind === 1) return 'café, 3º piso';
  if (kind < 200) return `to ${CITIES[kind & 7]}, marked "${STATUSES[kind & 7]}"`;
  return NOTES[kind % NOTES.length]!;
}
