/** Generates a web server's log in the combined format: 3,000 paths by Zipf's law, five status classes, one bad line in 500. */
import { Random } from './random.ts';
import { zipfRanks } from './zipf.ts';

const LINE_CHARACTERS_MAX = 512;
const PATHS = 3_000;
const STATUSES = [200, 200, 200, 200, 200, 200, 200, 200, 200, 304, 304, 301, 404, 404, 403, 500, 503];
const METHODS = ['GET', 'GET', 'GET', 'GET', 'GET', 'GET', 'POST', 'HEAD'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const SECTIONS = ['articles', 'images', 'api/v1', 'products', 'static', 'users', 'search'];
const ENDINGS = ['', '.html', '.png', '.json', '/', '?page=2'];
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15',
  'curl/8.9.1',
  'Mozilla/5.0 (compatible; ExampleBot/2.1; +http://bot.example.org/about)',
];

export function fillAccessLog(seed: number): (chunk: Buffer) => number {
  const random = new Random(seed);
  const pathRanks = zipfRanks(PATHS);
  let timeMs = Date.UTC(2026, 0, 1);

  return (chunk) => {
    const end = chunk.length - LINE_CHARACTERS_MAX;
    let at = 0;
    while (at <= end) {
      timeMs += random.below(200);
      const line = logLine(random, timeMs, pathRanks[random.below(pathRanks.length)]!);
      at += chunk.write(random.below(500) === 0 ? broken(line, random) : line, at, 'latin1');
      chunk[at++] = 10;
    }
    return at;
  };
}

function logLine(random: Random, timeMs: number, path: number): string {
  const draw = random.nextInt32() >>> 0;
  const client = `10.${(draw >>> 7) & 255}.${(draw >>> 15) & 255}.${1 + ((draw >>> 23) & 127)}`;
  const user = (draw & 31) === 0 ? `user${draw >>> 22}` : '-';
  const status = STATUSES[random.below(STATUSES.length)];
  const bytes = status === 304 || status === 301 ? '-' : String(200 + random.below(60_000));
  const url = `/${SECTIONS[path % SECTIONS.length]}/${path}${ENDINGS[path % ENDINGS.length]}`;
  const referrer = (draw & 3) === 0 ? 'https://www.example.com/start' : '-';
  const method = METHODS[random.below(METHODS.length)];
  const agent = AGENTS[random.below(AGENTS.length)];
  return `${client} - ${user} [${timestamp(timeMs)}] "${method} ${url} HTTP/1.1" ${status} ${bytes} "${referrer}" "${agent}"`;
}

/** The line is truncated, has no request, or is noise. */
function broken(line: string, random: Random): string {
  const kind = random.below(3);
  if (kind === 0) return line.slice(0, 5 + random.below(40));
  if (kind === 1) return line.replace(/"[^"]*"/, '"\\x16\\x03\\x01"');
  return 'kernel: oom-killer: out of memory';
}

function timestamp(timeMs: number): string {
  const time = new Date(timeMs);
  const two = (value: number) => (value < 10 ? `0${value}` : String(value));
  const day = `${two(time.getUTCDate())}/${MONTHS[time.getUTCMonth()]}/${time.getUTCFullYear()}`;
  return `${day}:${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} +0000`;
}
